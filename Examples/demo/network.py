import socket

server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
client.sendall(b"hello over lo")
print(server.accept()[0].recv(100).decode())
