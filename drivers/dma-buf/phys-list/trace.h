/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events. They identify a dma-buf by its inode number, as debugfs and
 * /proc/PID/fdinfo do, and never show a physical address.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_buf_phys

#if !defined(_DMA_BUF_PHYS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _DMA_BUF_PHYS_TRACE_H

#include <linux/dma-buf-phys.h>
#include <linux/fs.h>
#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(dma_buf_phys_importer,
		    TP_PROTO(const struct dma_buf_phys *phys, int ret),
		    TP_ARGS(phys, ret),
		    TP_STRUCT__entry(__field(u64, ino)
				     __field(u64, size)
				     __field(int, ret)),
		    TP_fast_assign(__entry->ino = phys->inode->i_ino;
				   __entry->size = phys->dmabuf->size;
				   __entry->ret = ret;),
		    TP_printk("ino=%llu size=%llu ret=%d", __entry->ino,
			      __entry->size, __entry->ret)
);

DEFINE_EVENT(dma_buf_phys_importer, dma_buf_phys_attach,
	     TP_PROTO(const struct dma_buf_phys *phys, int ret),
	     TP_ARGS(phys, ret));
DEFINE_EVENT(dma_buf_phys_importer, dma_buf_phys_map,
	     TP_PROTO(const struct dma_buf_phys *phys, int ret),
	     TP_ARGS(phys, ret));

DECLARE_EVENT_CLASS(dma_buf_phys_buffer,
		    TP_PROTO(const struct dma_buf_phys *phys),
		    TP_ARGS(phys),
		    TP_STRUCT__entry(__field(u64, ino)),
		    TP_fast_assign(__entry->ino = phys->inode->i_ino;),
		    TP_printk("ino=%llu", __entry->ino)
);

DEFINE_EVENT(dma_buf_phys_buffer, dma_buf_phys_detach,
	     TP_PROTO(const struct dma_buf_phys *phys), TP_ARGS(phys));
DEFINE_EVENT(dma_buf_phys_buffer, dma_buf_phys_unmap,
	     TP_PROTO(const struct dma_buf_phys *phys), TP_ARGS(phys));
DEFINE_EVENT(dma_buf_phys_buffer, dma_buf_phys_revoke_begin,
	     TP_PROTO(const struct dma_buf_phys *phys), TP_ARGS(phys));
DEFINE_EVENT(dma_buf_phys_buffer, dma_buf_phys_restore,
	     TP_PROTO(const struct dma_buf_phys *phys), TP_ARGS(phys));
DEFINE_EVENT(dma_buf_phys_buffer, dma_buf_phys_move,
	     TP_PROTO(const struct dma_buf_phys *phys), TP_ARGS(phys));

TRACE_EVENT(dma_buf_phys_revoke_end,
	    TP_PROTO(const struct dma_buf_phys *phys, u64 ns),
	    TP_ARGS(phys, ns),
	    TP_STRUCT__entry(__field(u64, ino)
			     __field(u64, ns)),
	    TP_fast_assign(__entry->ino = phys->inode->i_ino;
			   __entry->ns = ns;),
	    TP_printk("ino=%llu ns=%llu", __entry->ino, __entry->ns)
);

#endif /* _DMA_BUF_PHYS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
