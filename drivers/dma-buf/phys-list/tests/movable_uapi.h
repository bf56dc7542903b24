/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What programs may ask of /dev/dma-buf-movable. A test interface: it may
 * change.
 *
 * An open file is at most one buffer. Calls return 0 or set errno: -ENXIO if
 * there is no buffer yet, -ENODEV if the device is gone. pread() and pwrite()
 * reach the bytes by the CPU, wherever they are. When the file is closed, access
 * to the dma-buf is taken away permanently.
 */
#ifndef _DMA_BUF_MOVABLE_UAPI_H
#define _DMA_BUF_MOVABLE_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Where a buffer is: system memory, the BAR, or its halves in both */
#define DMA_BUF_MOVABLE_SYSTEM		0
#define DMA_BUF_MOVABLE_BAR		1
#define DMA_BUF_MOVABLE_BAR_SYSTEM	2
#define DMA_BUF_MOVABLE_SYSTEM_BAR	3
#define DMA_BUF_MOVABLE_NR_PLACEMENTS	4

/* Bytes a buffer can have at most */
#define DMA_BUF_MOVABLE_MAX_SIZE	0x400000

/**
 * struct dma_buf_movable_create - make the buffer, zeroed, in system memory
 * @size: bytes, at least two pages, page-aligned
 *
 * The call returns the file descriptor of the dma-buf. No two pages of it are
 * next to each other in physical memory, wherever it is.
 */
struct dma_buf_movable_create {
	__u64 size;
};

/* Moves one call can make at most */
#define DMA_BUF_MOVABLE_MAX_MOVES	100000

/* The copy begins %DMA_BUF_MOVABLE_SLOW_MS after importers may use the place */
#define DMA_BUF_MOVABLE_SLOW		0x1
#define DMA_BUF_MOVABLE_SLOW_MS		300
/* The copy begins when the next call is made, other than %DMA_BUF_MOVABLE_INFO */
#define DMA_BUF_MOVABLE_HOLD		0x2
/* What importers are told of system memory: write-combining; encrypted */
#define DMA_BUF_MOVABLE_WC		0x4
#define DMA_BUF_MOVABLE_ENCRYPTED	0x8
#define DMA_BUF_MOVABLE_FLAGS		0xf

/**
 * struct dma_buf_movable_move - move the buffer, to a fresh place each time
 * @placements: where to, in turn: 1 << %DMA_BUF_MOVABLE_SYSTEM and so on, ored
 *	together
 * @count: how often, 1 to %DMA_BUF_MOVABLE_MAX_MOVES
 * @flags: %DMA_BUF_MOVABLE_SLOW and so on, ored together, for these moves
 * @done: receives how often it was; less than @count if a signal came
 *
 * When the call returns nobody uses an old place. The last copy may still be
 * running; there is a fence for it.
 */
struct dma_buf_movable_move {
	__u32 placements;
	__u32 count;
	__u32 flags;
	__u32 done;
};

/**
 * struct dma_buf_movable_info - where the buffer is
 * @moves: how often it has moved
 * @placement: %DMA_BUF_MOVABLE_SYSTEM and so on
 * @copying: 1 if the bytes are still on their way
 */
struct dma_buf_movable_info {
	__u64 moves;
	__u32 placement;
	__u32 copying;
};

#define DMA_BUF_MOVABLE_CREATE	_IOW(0xee, 0, struct dma_buf_movable_create)
#define DMA_BUF_MOVABLE_MOVE	_IOWR(0xee, 1, struct dma_buf_movable_move)
#define DMA_BUF_MOVABLE_INFO	_IOR(0xee, 2, struct dma_buf_movable_info)

#endif /* _DMA_BUF_MOVABLE_UAPI_H */
