/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User memory that is a dma-buf: by physical list if it has one, by scatterlist
 * otherwise. For ib_core only; drivers see a struct ib_umem like any other.
 */
#ifndef IB_UMEM_PHYS_H
#define IB_UMEM_PHYS_H

struct device;
struct dma_buf;
struct dma_buf_attach_ops;
struct dma_buf_attachment;
struct ib_umem_dmabuf;
struct sg_table;

struct dma_buf_attachment *
ib_umem_phys_attach(struct dma_buf *dmabuf, struct device *dev,
		    const struct dma_buf_attach_ops *ops,
		    struct ib_umem_dmabuf *umem_dmabuf);
void ib_umem_phys_detach(struct ib_umem_dmabuf *umem_dmabuf);
int ib_umem_phys_pin(struct ib_umem_dmabuf *umem_dmabuf);
void ib_umem_phys_unpin(struct ib_umem_dmabuf *umem_dmabuf);
struct sg_table *ib_umem_phys_map(struct ib_umem_dmabuf *umem_dmabuf);
void ib_umem_phys_unmap(struct ib_umem_dmabuf *umem_dmabuf);

#endif /* IB_UMEM_PHYS_H */
