import sys

hidden = int(open(sys.argv[1]).read())
for count in range(1, 101):
    line = sys.stdin.readline().strip()
    if not line.isdigit():
        sys.exit(2)
    if int(line) == hidden:
        with open(sys.argv[2], "w") as log:
            print(count, file=log)
        print("=", flush=True)
        sys.exit(0)
    print("<" if hidden < int(line) else ">", flush=True)
sys.exit(1)
