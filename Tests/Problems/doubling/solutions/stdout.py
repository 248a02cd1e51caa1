print(2 * int(open("double.in").read()))
