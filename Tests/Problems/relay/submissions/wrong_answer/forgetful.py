word, value = input().split()
print("x" + hex(int(value) * 3)[2:] if word == "encode" else 0)
