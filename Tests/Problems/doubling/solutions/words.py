open("double.out", "w").write("two times " + open("double.in").read())
