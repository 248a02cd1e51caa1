print("Before error"); 1/0
