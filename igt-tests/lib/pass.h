/* SPDX-License-Identifier: MIT */
#ifndef LIB_PASS_H
#define LIB_PASS_H

/**
 * __pass_fd - send a descriptor to another process, or receive one
 * @sock: a socket of the domain AF_UNIX
 * @fd: what to send, or -1, which is replaced by what has come
 *
 * Return: 0 or -errno.
 */
int __pass_fd(int sock, int *fd);

#endif /* LIB_PASS_H */
