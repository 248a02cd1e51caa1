/// Values and protocols come with each module that users import.

#if Docker
@_exported import SandboxAPI
#endif
