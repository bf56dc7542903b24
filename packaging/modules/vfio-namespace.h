/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before everything else below drivers/vfio: what VFIO exports is in a
 * namespace, which all modules built here import. Others, built with the kernel's
 * own structures, are refused instead of corrupting memory.
 *
 * It is what MODULE_IMPORT_NS() does. That takes linux/module.h, and with it comes a
 * pr_fmt() before a file could define its own.
 */
static const char dma_buf_phys_import[]
	__attribute__((__used__, __section__(".modinfo"), __aligned__(1))) =
	"import_ns=DMA_BUF_PHYS_VFIO";
