/* Classic BPF over struct seccomp_data, as the kernel runs it. */
#ifndef BPF_H
#define BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* The filter's return value. Must not be called with a program that bpf_check refuses. */
uint32_t bpf_run(const struct sock_filter *program, size_t count, const struct seccomp_data *data);

/* The kernel's own rules: known instructions, jumps forward and in range, loads aligned and inside the data,
 * every path ends in a return. NULL, or the violated rule. */
const char *bpf_check(const struct sock_filter *program, size_t count);

#endif
