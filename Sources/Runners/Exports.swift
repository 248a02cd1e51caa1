/// Values and protocols come with each module that users import.

@_exported import SandboxAPI
