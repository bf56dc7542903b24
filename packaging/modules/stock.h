/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before everything else: what the configuration of a distribution leaves
 * out and comes with us as modules.
 */
#ifndef _DMA_BUF_PHYS_STOCK_H
#define _DMA_BUF_PHYS_STOCK_H

#include "compat.h"

#define CONFIG_DMA_BUF_PHYS_MODULE		1
#define CONFIG_INTERVAL_TREE_SPAN_ITER		1
#define CONFIG_IOMMUFD_DRIVER			1
#define CONFIG_IOMMUFD_DRIVER_CORE		1
#define CONFIG_IOMMUFD_MODULE			1
#define CONFIG_KVM_DMABUF			1
#define CONFIG_VFIO_DEVICE_CDEV			1

/* Without an IOMMU, iommufd uses page tables as AMD's have them; clouds' kernels do not */
#if IS_ENABLED(CONFIG_IOMMU_PT_AMDV1)
#ifndef PHYS_NO_IOMMUFD_NOIOMMU /* compat.h */
#define CONFIG_IOMMUFD_NOIOMMU			1
#endif
#define CONFIG_VFIO_NOIOMMU			1
#endif

/* The struct ib_wc of the kernel's own ib_core has no qp_num: see edu_wc_set_qp_num() */
#define EDU_WC_WITHOUT_QP_NUM			1

#endif /* _DMA_BUF_PHYS_STOCK_H */
