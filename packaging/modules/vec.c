// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vector of ranges, on a kernel that maps them one by one. As with our patch, an
 * error leaves nothing mapped.
 */
#include <linux/export.h>

#include <phys-vec.h>

int dma_iova_link_vec(struct device *dev, struct dma_iova_state *state,
		      const struct phys_vec *vec, size_t nr, size_t offset,
		      enum dma_data_direction dir, unsigned long attrs)
{
	size_t done = 0, i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = dma_iova_link(dev, state, vec[i].paddr, offset + done,
				    vec[i].len, dir, attrs);
		if (ret)
			goto err_unlink;
		done += vec[i].len;
	}
	return 0;

err_unlink:
	if (done)
		dma_iova_unlink(dev, state, offset, done, dir, attrs);
	return ret;
}

int iommu_map_vec(struct iommu_domain *domain, unsigned long iova,
		  const struct phys_vec *vec, size_t nr, int prot, gfp_t gfp)
{
	size_t done = 0, i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = iommu_map(domain, iova + done, vec[i].paddr, vec[i].len,
				prot, gfp);
		if (ret)
			goto err_unmap;
		done += vec[i].len;
	}
	return 0;

err_unmap:
	if (done)
		iommu_unmap(domain, iova, done);
	return ret;
}
EXPORT_SYMBOL_GPL(iommu_map_vec);
