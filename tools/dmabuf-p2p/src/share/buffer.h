/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BUFFER_H
#define BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/vfio.h"

/**
 * struct buffer - a dma-buf that verbs work on, wherever it comes from
 * @spec: how the user named it
 * @fd: the dma-buf; -1 for plain memory ("mem:SIZE"), which has none
 * @size: bytes
 * @cpu: CPU mapping of all of it; NULL until buffer_map()
 * @writable: the CPU may write to it there
 * @vfio: the exporting device if this process exports it, otherwise its fd is -1
 */
struct buffer {
	const char *spec;
	int fd;
	uint64_t size;
	uint8_t *cpu;
	bool writable;
	struct vfio_device vfio;
};

/* For the --help of verbs that take buffers */
#define BUFFER_HELP                                                          \
	"A BUFFER is one of\n"                                               \
	"  mem:SIZE            memory of this program\n"                     \
	"  DEVICE/RANGES       ranges of the BARs of a PCI device, exported by this\n" \
	"                      program through VFIO: 01:00.0/bar2:0-16M,bar2:32M+4K;\n" \
	"                      'bar2' alone is all of it\n"                  \
	"  unix:PATH           a dma-buf taken from a socket of 'dmabuf-p2p export'\n" \
	"  fd:N                an inherited file descriptor\n"

/**
 * buffer_open - open what a BUFFER argument names
 * @buffer: filled in
 * @spec: see %BUFFER_HELP; kept
 * @bind: take devices away from other drivers
 *
 * A device that is exported is bound to vfio-pci, and goes back to its driver
 * when the program ends, however it does.
 *
 * Return: enum exit_code; anything but EXIT_OK has been complained about.
 */
int buffer_open(struct buffer *buffer, const char *spec, bool bind);

/**
 * buffer_map - let the CPU at all of a buffer
 * @buffer: from buffer_open(); its @cpu is filled in, and stays what it is
 * @write: to write as well: that takes a dma-buf opened for it
 *
 * Return: enum exit_code, as buffer_open().
 */
int buffer_map(struct buffer *buffer, bool write);

/** buffer_close - undo buffer_open(); harmless if it failed */
void buffer_close(struct buffer *buffer);

#endif /* BUFFER_H */
