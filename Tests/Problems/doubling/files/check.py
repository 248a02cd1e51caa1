import sys
_, output, answer = (open(name).read().split() for name in sys.argv[1:])
if len(output) != 1 or not output[0].isdigit():
    sys.exit(2)
sys.exit(0 if output == answer else 1)
