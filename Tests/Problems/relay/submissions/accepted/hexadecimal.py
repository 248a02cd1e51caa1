word, value = input().split()
print("x" + hex(int(value) * 3)[2:] if word == "encode" else int(value[1:], 16) // 3)
