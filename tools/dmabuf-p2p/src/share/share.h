/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHARE_H
#define SHARE_H

#include <linux/dma-buf.h>
#include <stdint.h>
#include <sys/types.h>

#define SHARE_MAGIC "dmabufp2"

/**
 * struct share_header - what comes with the file descriptor over a socket
 * @magic: %SHARE_MAGIC, without a 0 at its end
 * @size: of the dma-buf, bytes
 * @name: what it is, such as "01:00.0/bar2:0-16M"; ends with a 0
 *
 * A client connects to the socket, a stream, and receives this with one file
 * descriptor beside it; then the connection is closed.
 */
struct share_header {
	char magic[8];
	uint64_t size;
	char name[DMA_BUF_NAME_LEN];
};

/**
 * share_header - fill in a header, every byte of it
 * @header: filled in
 * @size: of the dma-buf, bytes
 * @name: what it is; cut to what fits
 */
void share_header(struct share_header *header, uint64_t size, const char *name);

/**
 * share_listen - make a socket that hands a dma-buf out
 * @path: of it; a socket nobody serves any more is replaced
 * @gid: group that may connect, too; (gid_t)-1 for none
 *
 * It is removed when the program ends, see cleanup_unlink(); so @path is kept.
 *
 * Return: the socket, or -(enum exit_code), which has been complained about.
 */
int share_listen(const char *path, gid_t gid);

/**
 * share_serve - hand a dma-buf to the next client
 * @listener: from share_listen()
 * @fd: the dma-buf
 * @header: what to tell about it
 * @client: receives the client's process id
 *
 * Waits for one.
 *
 * Return: 0; -EPIPE if it has gone again, as share_listen() does to see whether
 * somebody serves; or -errno.
 */
int share_serve(int listener, int fd, const struct share_header *header,
		pid_t *client);

/**
 * share_take - get a dma-buf from a socket
 * @path: of the socket
 * @header: receives what the server tells about it
 *
 * Return: the dma-buf, closed on exec; or -(enum exit_code), which has been
 * complained about.
 */
int share_take(const char *path, struct share_header *header);

#endif /* SHARE_H */
