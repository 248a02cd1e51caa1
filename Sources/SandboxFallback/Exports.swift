/// Values and protocols come with each module that users import.

#if Fallback
@_exported import SandboxAPI
#endif
