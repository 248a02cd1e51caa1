/* The supervisor's executable as bytes of the library; client/image.c finds it. */
    .section .rodata
    .globl isolate_image
    .globl isolate_image_end
    .hidden isolate_image
    .hidden isolate_image_end
isolate_image:
    .incbin "supervisor"
isolate_image_end:
    .section .note.GNU-stack,"",%progbits
