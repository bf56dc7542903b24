/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdint.h>

/**
 * command_exec - become a command that inherits a dma-buf
 * @argv: the command, ends with NULL
 * @fd: the dma-buf; its number is in $DMABUF_FD
 * @size: of it, bytes; in $DMABUF_SIZE
 *
 * Return: what a shell exits with if there is no such command, 127, or it cannot
 * be executed, 126; that has been complained about.
 */
int command_exec(char **argv, int fd, uint64_t size);

#endif /* COMMAND_H */
