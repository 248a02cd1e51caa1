low, high, answer = 1, 100, ""
while answer != "=":
    guess = (low + high) // 2
    print(guess, flush=True)
    answer = input()
    low, high = (low, guess - 1) if answer == "<" else (guess + 1, high)
