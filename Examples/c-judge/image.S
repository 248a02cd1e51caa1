/* The supervisor's executable as bytes of this program. */
    .section .rodata
    .globl supervisor_image
    .globl supervisor_image_end
supervisor_image:
    .incbin "supervisor"
supervisor_image_end:
    .section .note.GNU-stack,"",@progbits
