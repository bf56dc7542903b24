/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What patches/iommu-vec.patch adds to <linux/dma-mapping.h> and <linux/iommu.h>.
 */
#ifndef _DMA_BUF_PHYS_VEC_H
#define _DMA_BUF_PHYS_VEC_H

#include <linux/dma-mapping.h>
#include <linux/iommu.h>

int dma_iova_link_vec(struct device *dev, struct dma_iova_state *state,
		      const struct phys_vec *vec, size_t nr, size_t offset,
		      enum dma_data_direction dir, unsigned long attrs);
int iommu_map_vec(struct iommu_domain *domain, unsigned long iova,
		  const struct phys_vec *vec, size_t nr, int prot, gfp_t gfp);

#endif /* _DMA_BUF_PHYS_VEC_H */
