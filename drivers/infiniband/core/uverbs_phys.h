/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _UVERBS_PHYS_H
#define _UVERBS_PHYS_H

#include <linux/dma-buf.h>

struct ib_uverbs_dmabuf_file;

struct dma_buf *
ib_uverbs_phys_export(const struct dma_buf_export_info *exp_info);
void ib_uverbs_phys_abort(struct dma_buf *dmabuf);
bool ib_uverbs_phys_kill(struct ib_uverbs_dmabuf_file *file);

#endif /* _UVERBS_PHYS_H */
