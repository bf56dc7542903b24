// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test importer: it unmaps and stops its device when it is told to, or as late
 * as a test wants.
 */
#include <linux/cleanup.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../internal.h"
#include "kunit.h"

static const char *kt_fence_name(struct dma_fence *fence)
{
	return "dma-buf-phys-kunit";
}

static const struct dma_fence_ops kt_fence_ops = {
	.get_driver_name = kt_fence_name,
	.get_timeline_name = kt_fence_name,
};

static void kt_signal_work(struct work_struct *work)
{
	struct kt_imp *imp = container_of(to_delayed_work(work), struct kt_imp,
					  signal_work);
	struct dma_fence *fence = imp->fence;

	/* The next event may come as soon as the fence is signaled */
	imp->fence = NULL;
	WRITE_ONCE(imp->signaled, true);
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

static void kt_unmap_work(struct work_struct *work)
{
	struct kt_imp *imp = container_of(to_delayed_work(work), struct kt_imp,
					  unmap_work);

	dma_resv_lock(imp->dmabuf->resv, NULL);
	WRITE_ONCE(imp->unmapped, true);
	dma_buf_phys_unmap(imp->at, no_free_ptr(imp->late));
	dma_resv_unlock(imp->dmabuf->resv);
}

/*
 * The device goes on for fence_ms, or is at work on a copy, and there is a fence
 * to say how long. Reservation lock held.
 */
void kt_add_fence(struct kt_imp *imp, enum dma_resv_usage usage)
{
	struct dma_resv *resv = imp->dmabuf->resv;
	struct dma_fence *fence;

	fence = kzalloc_obj(*fence);
	if (!fence)
		return;
	dma_fence_init(fence, &kt_fence_ops, NULL, dma_fence_context_alloc(1),
		       1);
	if (dma_resv_reserve_fences(resv, 1)) {
		dma_fence_signal(fence);
		dma_fence_put(fence);
		return;
	}
	dma_resv_add_fence(resv, fence, usage);
	imp->signaled = false;
	imp->fence = fence;
	schedule_delayed_work(&imp->signal_work,
			      msecs_to_jiffies(imp->fence_ms));
}

static void kt_stop(struct kt_imp *imp)
{
	struct dma_buf_phys_list *list = no_free_ptr(imp->list);

	if (imp->users)
		atomic_dec(imp->users);
	if (imp->fence_ms)
		kt_add_fence(imp, DMA_RESV_USAGE_BOOKKEEP);
	if (imp->unmap_ms) {
		imp->unmapped = false;
		imp->late = list;
		schedule_delayed_work(&imp->unmap_work,
				      msecs_to_jiffies(imp->unmap_ms));
	} else {
		dma_buf_phys_unmap(imp->at, list);
	}
}

static void kt_notify(struct dma_buf_phys_attachment *at,
		      enum dma_buf_phys_event event)
{
	struct kt_imp *imp = at->priv;

	dma_resv_assert_held(imp->dmabuf->resv);
	imp->nr_events[event]++;
	if (at->dmabuf != imp->dmabuf || !at->phys || at->ops != &imp->ops)
		imp->incomplete = true;
	/* Also while it waits for late unmaps, a dead buffer has no list */
	if (at->phys && at->phys->state == DMA_BUF_PHYS_DEAD &&
	    dma_buf_phys_get_list(at->phys) != ERR_PTR(-ENODEV))
		imp->list_of_dead = true;
	/*
	 * This may come before dma_buf_phys_attach() has returned. It is set once:
	 * whoever has attached reads it without the lock.
	 */
	if (!imp->at)
		imp->at = at;

	if (event != DMA_BUF_PHYS_EV_RESTORE && imp->list)
		kt_stop(imp);
	if (event == DMA_BUF_PHYS_EV_RESTORE && imp->remap)
		kt_map_locked(imp);
}

/* Get ready to attach; kt_imp_end() undoes whatever comes after it */
void kt_imp_init(struct kt_imp *imp, struct kt_buf *buf)
{
	*imp = (struct kt_imp){
		.ops.leaves_fences = true,
		.ops.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P) |
			     BIT(DMA_BUF_PHYS_ENCRYPTED),
		.ops.notify = kt_notify,
		.dmabuf = buf->phys.dmabuf,
	};
	INIT_DELAYED_WORK(&imp->unmap_work, kt_unmap_work);
	INIT_DELAYED_WORK(&imp->signal_work, kt_signal_work);
}

void kt_imp_end(struct kt_imp *imp)
{
	if (!imp->at)
		return;
	flush_delayed_work(&imp->signal_work);
	flush_delayed_work(&imp->unmap_work);
	kt_unmap(imp);
	dma_buf_phys_detach(imp->at);
	/* Not before: a notification would set it again */
	imp->at = NULL;
}

static void kt_imp_end_action(void *ctx)
{
	kt_imp_end(ctx);
}

/* An importer that is not attached yet, ended with the test */
struct kt_imp *kt_imp(struct kunit *test, struct kt_buf *buf)
{
	struct kt_imp *imp;

	imp = kunit_kzalloc(test, sizeof(*imp), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, imp);
	kt_imp_init(imp, buf);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, kt_imp_end_action, imp),
			0);
	return imp;
}

int kt_attach(struct kt_imp *imp)
{
	struct dma_buf_phys_attachment *at;

	at = dma_buf_phys_attach(imp->dmabuf, &imp->ops, imp);
	if (IS_ERR(at))
		return PTR_ERR(at);
	/* A notification may have set it already */
	dma_resv_lock(imp->dmabuf->resv, NULL);
	if (!imp->at)
		imp->at = at;
	dma_resv_unlock(imp->dmabuf->resv);
	return 0;
}

struct kt_imp *kt_attached(struct kunit *test, struct kt_buf *buf)
{
	struct kt_imp *imp = kt_imp(test, buf);

	KUNIT_ASSERT_EQ(test, kt_attach(imp), 0);
	return imp;
}

/* Map unless it is mapped */
int kt_map_locked(struct kt_imp *imp)
{
	struct dma_buf_phys_list *list;

	if (imp->list)
		return 0;
	list = dma_buf_phys_map(imp->at);
	if (IS_ERR(list))
		return PTR_ERR(list);
	imp->list = list;
	if (imp->users)
		atomic_inc(imp->users);
	return 0;
}

int kt_map(struct kt_imp *imp)
{
	int ret;

	dma_resv_lock(imp->dmabuf->resv, NULL);
	ret = kt_map_locked(imp);
	dma_resv_unlock(imp->dmabuf->resv);
	return ret;
}

/* Unmap unless a notification came first */
void kt_unmap(struct kt_imp *imp)
{
	dma_resv_lock(imp->dmabuf->resv, NULL);
	if (imp->list) {
		if (imp->users)
			atomic_dec(imp->users);
		dma_buf_phys_unmap(imp->at, no_free_ptr(imp->list));
	}
	dma_resv_unlock(imp->dmabuf->resv);
}

bool kt_is_mapped(struct kt_imp *imp)
{
	bool mapped;

	dma_resv_lock(imp->dmabuf->resv, NULL);
	mapped = imp->list || imp->late;
	dma_resv_unlock(imp->dmabuf->resv);
	return mapped;
}

/*
 * Make a signal pending, which ends any wait that it can end. The sighand of current is
 * stable, and so is that of a task that waits for us.
 */
void kt_signal(struct task_struct *task, int sig)
{
	guard(spinlock_irq)(&unrcu_pointer(task->sighand)->siglock);
	sigaddset(&task->pending.signal, sig);
	set_tsk_thread_flag(task, TIF_SIGPENDING);
	/* Also from a wait that no signal ends, and which then goes on */
	wake_up_process(task);
}

/* Of current */
void kt_unsignal(int sig)
{
	guard(spinlock_irq)(&unrcu_pointer(current->sighand)->siglock);
	sigdelset(&current->pending.signal, sig);
	recalc_sigpending();
}

/* All that was ever told to @imp */
void kt_expect_events(struct kunit *test, int line, const struct kt_imp *imp,
		      unsigned int moves, unsigned int revokes,
		      unsigned int restores)
{
	const unsigned int *nr = imp->nr_events;

	KUNIT_EXPECT_EQ_MSG(test, nr[DMA_BUF_PHYS_EV_MOVE], moves,
			    "from line %d", line);
	KUNIT_EXPECT_EQ_MSG(test, nr[DMA_BUF_PHYS_EV_REVOKE], revokes,
			    "from line %d", line);
	KUNIT_EXPECT_EQ_MSG(test, nr[DMA_BUF_PHYS_EV_RESTORE], restores,
			    "from line %d", line);
	KUNIT_EXPECT_FALSE_MSG(test, imp->incomplete, "from line %d", line);
	KUNIT_EXPECT_FALSE_MSG(test, imp->list_of_dead, "from line %d", line);
}
