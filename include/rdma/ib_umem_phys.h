/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User memory that is a dma-buf with a physical list: for ib_core only. Drivers
 * see a struct ib_umem like any other.
 */
#ifndef IB_UMEM_PHYS_H
#define IB_UMEM_PHYS_H

#include <linux/dma-buf-phys.h>

struct ib_umem;
struct ib_umem_dmabuf;

/**
 * struct ib_umem_phys_cursor - where &struct ib_block_iter is in the DMA ranges
 * @range: the current one, NULL at the end and in every other kind of umem
 * @done: bytes of it that are behind
 * @iter: what @range points to
 */
struct ib_umem_phys_cursor {
	struct dma_buf_phys_dma_iter *range;
	u64 done;
	struct dma_buf_phys_dma_iter iter;
};

#ifdef CONFIG_INFINIBAND_USER_MEM

struct dma_buf_attachment *
ib_umem_phys_attach(struct ib_umem_dmabuf *umem_dmabuf, struct dma_buf *dmabuf,
		    struct device *dma_device,
		    const struct dma_buf_attach_ops *ops);
void ib_umem_phys_detach(struct ib_umem_dmabuf *umem_dmabuf);
int ib_umem_phys_pin(struct ib_umem_dmabuf *umem_dmabuf);
void ib_umem_phys_unpin(struct ib_umem_dmabuf *umem_dmabuf);
int ib_umem_phys_map(struct ib_umem_dmabuf *umem_dmabuf);
void ib_umem_phys_unmap(struct ib_umem_dmabuf *umem_dmabuf);
unsigned long ib_umem_phys_pgsz_mask(struct ib_umem *umem, u64 va);
void ib_umem_phys_start(struct ib_umem_phys_cursor *cursor,
			struct ib_umem *umem, unsigned long pgsz);
bool ib_umem_phys_next(struct ib_umem_phys_cursor *cursor, unsigned int pg_bit,
		       dma_addr_t *addr);

#else

static inline void ib_umem_phys_start(struct ib_umem_phys_cursor *cursor,
				      struct ib_umem *umem, unsigned long pgsz)
{
}

static inline bool ib_umem_phys_next(struct ib_umem_phys_cursor *cursor,
				     unsigned int pg_bit, dma_addr_t *addr)
{
	return false;
}

#endif

#endif /* IB_UMEM_PHYS_H */
