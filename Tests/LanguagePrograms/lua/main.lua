local twice = require("twice")

local mode = io.read("l")
if mode == "hello" then print("hello") end
if mode == "sum" then print(twice(io.read("n") + io.read("n"))) end
if mode == "exit" then os.exit(7) end
if mode == "memory" then
  local kept = {}
  while true do kept[#kept + 1] = string.rep("x", 1048576) .. #kept end
end
if mode == "spin" then while true do end end
