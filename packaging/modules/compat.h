/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the oldest kernel that modules are built for lacks, in terms of what it has.
 * Included before everything else: macros only, since a header of the kernel's would
 * bring a pr_fmt() before a file could define its own.
 */
#ifndef _DMA_BUF_PHYS_COMPAT_H
#define _DMA_BUF_PHYS_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)

/* mm/interval_tree.c has its own, which does the same */
#define vma_start_pgoff(vma)	((vma)->vm_pgoff)

#define PHYS_NO_IOMMUFD_NOIOMMU	1

/*
 * Without IOMMUFD_NOIOMMU, which Kbuild sets all the same, VFIO makes no cdev there for
 * a device without an IOMMU, and iommufd does not take one.
 *
 * Without an IOMMU, dma_map_phys() gives MMIO its physical address there, while
 * dma_buf_phys_direct_addr() goes through dma_range_map. That is the same: on x86 only
 * CONFIG_OF makes such a map, and Debian's kernels do not have it.
 */

#endif

#endif /* _DMA_BUF_PHYS_COMPAT_H */
