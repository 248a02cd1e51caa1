import os, sys
answer = open(sys.argv[2]).read().strip()
feedback = sys.argv[3]
output = sys.stdin.buffer.read().decode(errors="replace").strip()
with open(feedback + "judgemessage.txt", "a") as message:
    print("output:", output[:40], file=message)
passed = os.path.exists(feedback + "passed")
if not passed:
    if not output or len(output) > 20 or answer in output:
        sys.exit(43)
    open(feedback + "passed", "w").close()
    with open(feedback + "nextpass.in", "w") as next_input:
        print("decode", output, file=next_input)
    sys.exit(42)
sys.exit(42 if output == answer else 43)
