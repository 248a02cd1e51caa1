/// The Docker backend: sandboxes made of containers of a Docker Engine.

#if Docker
    import Sandbox
#endif
