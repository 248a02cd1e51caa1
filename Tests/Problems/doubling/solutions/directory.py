import os
os.mkdir("double.out")
open("double.out", "w")
