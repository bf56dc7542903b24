// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test exporter, in both ways to be one, and the module that the suites are in.
 */
#include <linux/dcache.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "../internal.h"
#include "kunit.h"

struct kt_way {
	const char *name;
	bool own_ops;
};

static const struct kt_way kt_ways[] = {
	{ "export", false },
	{ "register", true },
};

const void *kt_way_gen_params(struct kunit *test, const void *prev, char *desc)
{
	const struct kt_way *way = prev ? (const struct kt_way *)prev + 1 :
					  kt_ways;

	if (way == kt_ways + ARRAY_SIZE(kt_ways))
		return NULL;
	strscpy(desc, way->name, KUNIT_PARAM_DESC_SIZE);
	return way;
}

bool kt_has_own_ops(struct kunit *test)
{
	const struct kt_way *way = test->param_value;

	return way && way->own_ops;
}

static struct dma_buf_phys_list *
kt_list_of(struct kunit *test, enum dma_buf_phys_type type,
	   enum dma_buf_phys_attr attr, struct p2pdma_provider *provider,
	   phys_addr_t paddr, u64 length)
{
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;

	dma_buf_phys_build(&b, 1);
	dma_buf_phys_add_group(&b, type, attr, provider);
	dma_buf_phys_add_frag(&b, paddr, length);
	list = dma_buf_phys_seal(&b, length);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	return list;
}

/* A list of one frag */
struct dma_buf_phys_list *kt_list(struct kunit *test, phys_addr_t paddr,
				  u64 length)
{
	return kt_list_of(test, DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_WB, NULL, paddr,
			  length);
}

/* As kt_list(), but somebody's BAR */
struct dma_buf_phys_list *kt_list_p2p(struct kunit *test,
				      struct p2pdma_provider *provider)
{
	return kt_list_of(test, DMA_BUF_PHYS_P2P, DMA_BUF_PHYS_UC, provider,
			  KT_BASE, KT_SIZE);
}

static void kt_add(struct dma_buf_phys_builder *b, enum dma_buf_phys_type type,
		   struct p2pdma_provider *provider, phys_addr_t paddr)
{
	if (type == DMA_BUF_PHYS_P2P)
		dma_buf_phys_add_group(b, type, DMA_BUF_PHYS_UC, provider);
	else
		dma_buf_phys_add_group(b, type, DMA_BUF_PHYS_WB, NULL);
	dma_buf_phys_add_frag(b, paddr, KT_SIZE);
}

/* Two groups of one frag; @provider is that of a BAR, if one of them is */
struct dma_buf_phys_list *kt_list_of_two(struct kunit *test,
					 enum dma_buf_phys_type first,
					 enum dma_buf_phys_type second,
					 struct p2pdma_provider *provider)
{
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;

	dma_buf_phys_build(&b, 2);
	kt_add(&b, first, provider, KT_BASE);
	kt_add(&b, second, provider, KT_ELSEWHERE);
	list = dma_buf_phys_seal(&b, 2 * KT_SIZE);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	return list;
}

phys_addr_t kt_first_paddr(const struct dma_buf_phys_list *list)
{
	struct dma_buf_phys_iter iter;

	return dma_buf_phys_iter_first(&iter, list, 0, 1) ? iter.paddr : 0;
}

static struct dma_buf_phys_list *kt_get_list(struct dma_buf_phys *phys)
{
	struct kt_buf *buf = container_of(phys, struct kt_buf, phys);

	dma_resv_assert_held(phys->dmabuf->resv);
	buf->nr_get_list++;
	if (buf->get_list_err)
		return ERR_PTR(buf->get_list_err);
	return no_free_ptr(buf->next) ?: ERR_PTR(-ENXIO);
}

static void kt_release(struct dma_buf_phys *phys)
{
	struct kt_buf *buf = container_of(phys, struct kt_buf, phys);

	buf->hidden = list_empty(&phys->node);
	/* As an exporter that takes the buffer off a list that it revokes by */
	if (buf->lock) {
		mutex_lock(buf->lock);
		mutex_unlock(buf->lock);
	}
	dma_buf_phys_fini(phys);
	complete(&buf->released);
}

static const struct dma_buf_phys_ops kt_phys_ops = {
	.get_list = kt_get_list,
	.release = kt_release,
};

static struct sg_table *kt_map_dma_buf(struct dma_buf_attachment *attach,
				       enum dma_data_direction dir)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void kt_unmap_dma_buf(struct dma_buf_attachment *attach,
			     struct sg_table *sgt, enum dma_data_direction dir)
{
}

/* As drivers do that map by themselves: all at once, without a fault handler */
static int kt_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	return remap_pfn_range(vma, vma->vm_start, PHYS_PFN(KT_BASE),
			       vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static void kt_release_own(struct dma_buf *dmabuf)
{
	kt_release(dmabuf->priv);
}

static const struct dma_buf_ops kt_own_ops = {
	.map_dma_buf = kt_map_dma_buf,
	.unmap_dma_buf = kt_unmap_dma_buf,
	.mmap = kt_mmap,
	.release = kt_release_own,
};

static struct dma_buf_phys *kt_to_phys(struct dma_buf *dmabuf)
{
	return dmabuf->priv;
}

static struct dma_buf_phys_exporter kt_exporter = {
	.dma_buf_ops = &kt_own_ops,
	.to_phys = kt_to_phys,
};

static int kt_export_own(struct kt_buf *buf, struct dma_buf_phys_list *list)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp);
	struct dma_buf *dmabuf;

	exp.ops = &kt_own_ops;
	exp.flags = buf->read_only ? O_RDONLY : O_RDWR;
	exp.size = list->size;
	exp.priv = &buf->phys;
	dmabuf = dma_buf_export(&exp);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	buf->next = list;
	dma_buf_phys_init(&buf->phys, dmabuf, &kt_phys_ops);
	return 0;
}

static int kt_export(struct kt_buf *buf, struct dma_buf_phys_list *list,
		     enum dma_buf_phys_state state)
{
	DEFINE_DMA_BUF_PHYS_EXPORT_INFO(info);

	info.ops = &kt_phys_ops;
	info.flags = buf->read_only ? O_RDONLY : O_RDWR;
	info.list = list;
	info.state = state;
	return dma_buf_phys_export(&buf->phys, &info);
}

static void kt_put_dmabuf(struct dma_buf *dmabuf)
{
	dma_buf_put(dmabuf);
	/* A kernel thread leaves the rest to a worker */
	flush_delayed_fput();
}

static void kt_buf_end(void *ctx)
{
	struct kt_buf *buf = ctx;

	if (buf->dentry || !completion_done(&buf->released))
		dma_buf_phys_kill(&buf->phys);
	if (buf->dentry)
		dput(buf->dentry);
	else if (!completion_done(&buf->released))
		kt_put_dmabuf(buf->phys.dmabuf);
	/* @buf is freed next; debugfs may hold a reference for a moment */
	wait_for_completion(&buf->released);
	dma_buf_phys_list_free(buf->next);
}

/*
 * Release all of a dma-buf but its dentry, as if userspace had closed it and kept
 * an O_PATH descriptor. By then its file may be any other file, so make every use
 * of it crash.
 */
void kt_drop_file(struct kt_buf *buf)
{
	struct dma_buf *dmabuf = buf->phys.dmabuf;

	buf->dentry = dget(dmabuf->file->f_path.dentry);
	kt_put_dmabuf(dmabuf);
	dmabuf->file = ERR_PTR(-EBADF);
}

/* The rest goes: the buffer is released before this returns */
void kt_drop_dentry(struct kt_buf *buf)
{
	dput(no_free_ptr(buf->dentry));
}

static struct kt_buf *kt_new_buf(struct kunit *test,
				 struct dma_buf_phys_list *list,
				 enum dma_buf_phys_state state, bool read_only)
{
	struct kt_buf *buf;
	int ret;

	buf = kunit_kzalloc(test, sizeof(*buf), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	init_completion(&buf->released);
	buf->read_only = read_only;
	if (kt_has_own_ops(test)) {
		ret = kt_export_own(buf, list);
		if (!ret && state == DMA_BUF_PHYS_REVOKED)
			dma_buf_phys_revoke(&buf->phys);
	} else {
		ret = kt_export(buf, list, state);
	}
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, kt_buf_end, buf),
			0);
	return buf;
}

/* A buffer in the way of the test's parameter, ended with the test */
struct kt_buf *kt_buf_state(struct kunit *test, struct dma_buf_phys_list *list,
			    enum dma_buf_phys_state state)
{
	return kt_new_buf(test, list, state, false);
}

struct kt_buf *kt_buf(struct kunit *test, struct dma_buf_phys_list *list)
{
	return kt_new_buf(test, list, DMA_BUF_PHYS_LIVE, false);
}

struct kt_buf *kt_buf_read_only(struct kunit *test,
				struct dma_buf_phys_list *list)
{
	return kt_new_buf(test, list, DMA_BUF_PHYS_LIVE, true);
}

/* A dma-buf of an exporter that has nothing to do with physical lists */
static void kt_release_foreign(struct dma_buf *dmabuf)
{
}

static const struct dma_buf_ops kt_foreign_ops = {
	.map_dma_buf = kt_map_dma_buf,
	.unmap_dma_buf = kt_unmap_dma_buf,
	.release = kt_release_foreign,
};

static void kt_foreign_end(void *ctx)
{
	kt_put_dmabuf(ctx);
}

struct dma_buf *kt_foreign_dmabuf(struct kunit *test)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp);
	struct dma_buf *dmabuf;

	exp.ops = &kt_foreign_ops;
	exp.size = PAGE_SIZE;
	/* Must not be NULL, and is nobody's struct dma_buf_phys */
	exp.priv = test;
	dmabuf = dma_buf_export(&exp);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), 0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, kt_foreign_end, dmabuf),
			0);
	return dmabuf;
}

static int __init kt_init(void)
{
	dma_buf_phys_register(&kt_exporter);
	return 0;
}
module_init(kt_init);

static void __exit kt_exit(void)
{
	dma_buf_phys_unregister(&kt_exporter);
	/* Fences of the last test may still be looked at */
	synchronize_rcu();
}
module_exit(kt_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for DMA-BUF physical lists");
MODULE_LICENSE("GPL");
