print("this is not the answer")
open("double.out", "w").write(str(2 * int(open("double.in").read())))
