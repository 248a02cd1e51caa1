print(50, flush=True)
raise ValueError("enough")
