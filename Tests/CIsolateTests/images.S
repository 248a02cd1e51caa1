/* The supervisor's two builds and the victim program, as bytes of the test program. */
    .macro image name, file
    .globl \name
    .globl \name\()_end
\name:
    .incbin "\file"
\name\()_end:
    .endm

    .section .rodata
    image supervisor_plain, "supervisor-plain"
    image supervisor_checked, "supervisor-checked"
    image victim_program, "victim"
    .section .note.GNU-stack,"",@progbits
