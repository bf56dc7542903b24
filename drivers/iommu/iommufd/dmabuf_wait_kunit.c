// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of how a mapping waits for the exporter's copy. A buffer may begin to move
 * between the end of that wait and the reservation lock, which is a window of a few
 * instructions. These fences end their wait in it: whoever waits for one finds the
 * next copy begun. The code under test is included, so that it can be reached without
 * exports.
 */
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>

/* Other names, since it may be linked into one image with iommufd */
#define iopt_phys_map wait_kunit_map
#define iopt_phys_unmap wait_kunit_unmap
/* What it calls: here it only says that it was called, and when */
#define iopt_phys_fill_all wait_kunit_fill_all
#define iopt_phys_lose_dirty wait_kunit_lose_dirty
#define iopt_phys_unmap_track wait_kunit_unmap_track
#define dma_buf_put wait_kunit_put
#define dma_buf_phys_attach wait_kunit_attach
#define dma_buf_phys_detach wait_kunit_detach
#define dma_buf_phys_detach_locked wait_kunit_detach_locked
#define dma_buf_phys_is_writable wait_kunit_is_writable
#define dma_buf_phys_map wait_kunit_map_list
#define dma_buf_phys_set_status wait_kunit_set_status
#define dma_buf_phys_unmap wait_kunit_unmap_list
#define dma_buf_phys_unpin wait_kunit_unpin
#include "dmabuf.c"

struct dma_buf_phys_list {
	int unused;
};

/**
 * struct wait_scene - a buffer that moves while it is being mapped
 * @resv: its reservation object
 * @dmabuf: the buffer
 * @attach: the attachment to it
 * @list: where its memory is
 * @pages: what is to be mapped
 * @context: of the copies' fences
 * @seqno: of the last one
 * @released: the test itself does not have the lock
 * @copies: how many more are to begin, each behind a wait for the one before
 * @fail_at: the wait that a signal interrupts, counted from 1; 0 for none
 * @waits: for a copy, without the lock and with it
 * @locked_waits: with the lock, which keeps another copy from beginning
 * @mapped: how often the list was mapped
 * @too_early: while a copy had not finished
 * @filled: how often what was mapped was to be brought into domains
 * @detached: how often the attachment has ended
 * @status: of the last restore
 */
struct wait_scene {
	struct dma_resv resv;
	struct dma_buf dmabuf;
	struct dma_buf_phys_attachment attach;
	struct dma_buf_phys_list list;
	struct iopt_pages pages;
	u64 context;
	u64 seqno;
	struct completion released;
	unsigned int copies;
	unsigned int fail_at;
	unsigned int waits;
	unsigned int locked_waits;
	unsigned int mapped;
	unsigned int too_early;
	unsigned int filled;
	unsigned int detached;
	int status;
};

/**
 * struct wait_fence - the end of a copy
 * @base: the fence; first, as it is freed by its address
 * @scene: whose buffer is copied
 */
struct wait_fence {
	struct dma_fence base;
	struct wait_scene *scene;
};

static struct wait_scene *wait_scene_of(struct dma_buf_phys_attachment *at)
{
	return container_of(at, struct wait_scene, attach);
}

static const char *wait_fence_name(struct dma_fence *fence)
{
	return "wait_kunit";
}

static void wait_begin_copy(struct wait_scene *s);

/* The wait is over, and before the waiter has the lock somebody else has had it */
static signed long wait_fence_wait(struct dma_fence *fence, bool intr,
				   signed long timeout)
{
	struct wait_scene *s = container_of(fence, struct wait_fence, base)->scene;

	s->waits++;
	if (s->waits == s->fail_at)
		return intr ? -ERESTARTSYS : timeout;
	wait_for_completion(&s->released);
	dma_fence_signal(fence);
	if (!dma_resv_trylock(&s->resv)) {
		s->locked_waits++;
		return timeout;
	}
	if (s->copies) {
		s->copies--;
		wait_begin_copy(s);
	}
	dma_resv_unlock(&s->resv);
	return timeout;
}

static const struct dma_fence_ops wait_fence_ops = {
	.get_driver_name = wait_fence_name,
	.get_timeline_name = wait_fence_name,
	.wait = wait_fence_wait,
};

/* In the place of the one before it, which has signaled: a wait is past that place */
static void wait_begin_copy(struct wait_scene *s)
{
	struct wait_fence *fence = kzalloc_obj(*fence);

	if (WARN_ON(!fence))
		return;
	fence->scene = s;
	dma_fence_init(&fence->base, &wait_fence_ops, NULL, s->context, ++s->seqno);
	dma_resv_add_fence(&s->resv, &fence->base, DMA_RESV_USAGE_KERNEL);
	dma_fence_put(&fence->base);
}

static void wait_end_copy(struct wait_scene *s)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_lock(&s->resv, NULL);
	dma_resv_for_each_fence(&cursor, &s->resv, DMA_RESV_USAGE_KERNEL, fence)
		dma_fence_signal(fence);
	dma_resv_unlock(&s->resv);
}

void wait_kunit_put(struct dma_buf *dmabuf)
{
}

struct dma_buf_phys_attachment *
wait_kunit_attach(struct dma_buf *dmabuf,
		  const struct dma_buf_phys_importer_ops *ops, void *priv)
{
	struct wait_scene *s = container_of(dmabuf, struct wait_scene, dmabuf);

	s->attach.priv = priv;
	return &s->attach;
}

void wait_kunit_detach(struct dma_buf_phys_attachment *at)
{
	wait_scene_of(at)->detached++;
}

void wait_kunit_detach_locked(struct dma_buf_phys_attachment *at)
{
	wait_scene_of(at)->detached++;
}

bool wait_kunit_is_writable(struct dma_buf *dmabuf)
{
	return true;
}

struct dma_buf_phys_list *wait_kunit_map_list(struct dma_buf_phys_attachment *at)
{
	struct wait_scene *s = wait_scene_of(at);

	dma_resv_assert_held(&s->resv);
	s->mapped++;
	if (!dma_resv_test_signaled(&s->resv, DMA_RESV_USAGE_KERNEL))
		s->too_early++;
	return &s->list;
}

void wait_kunit_unmap_list(struct dma_buf_phys_attachment *at,
			   struct dma_buf_phys_list *list)
{
}

void wait_kunit_unpin(struct dma_buf_phys_attachment *at)
{
}

void wait_kunit_set_status(struct dma_buf_phys_attachment *at, int status)
{
	wait_scene_of(at)->status = status;
}

int wait_kunit_fill_all(struct iopt_phys *phys)
{
	wait_scene_of(phys->attach)->filled++;
	return 0;
}

void wait_kunit_lose_dirty(struct iopt_phys_track *track)
{
}

void wait_kunit_unmap_track(struct iopt_phys_track *track)
{
}

static void wait_fini(void *data)
{
	struct wait_scene *s = data;

	wait_end_copy(s);
	dma_resv_fini(&s->resv);
}

/* A copy is under way, and so many are to follow */
static struct wait_scene *wait_scene(struct kunit *test, unsigned int copies)
{
	struct wait_scene *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	dma_resv_init(&s->resv);
	s->dmabuf.resv = &s->resv;
	s->attach.dmabuf = &s->dmabuf;
	mutex_init(&s->pages.mutex);
	s->pages.type = IOPT_ADDRESS_DMABUF;
	s->pages.writable = true;
	s->context = dma_fence_context_alloc(1);
	s->copies = copies;
	init_completion(&s->released);
	complete_all(&s->released);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, wait_fini, s), 0);

	dma_resv_lock(&s->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(&s->resv, 1), 0);
	wait_begin_copy(s);
	dma_resv_unlock(&s->resv);
	return s;
}

static void wait_expect_unlocked(struct kunit *test, struct wait_scene *s)
{
	bool free = dma_resv_trylock(&s->resv);

	KUNIT_EXPECT_TRUE(test, free);
	if (free)
		dma_resv_unlock(&s->resv);
}

/* What a wait found, if so many were needed */
static void wait_expect(struct kunit *test, struct wait_scene *s, unsigned int waits,
			unsigned int locked_waits)
{
	KUNIT_EXPECT_EQ(test, s->waits, waits);
	KUNIT_EXPECT_EQ(test, s->locked_waits, locked_waits);
	KUNIT_EXPECT_EQ(test, s->mapped, 1);
	KUNIT_EXPECT_EQ(test, s->too_early, 0);
	wait_expect_unlocked(test, s);
}

/* Copies that begin in the window, and the waits that they take, with and without lock */
static const struct {
	unsigned int copies;
	unsigned int waits;
	unsigned int locked_waits;
} wait_windows[] = {
	{ 0, 1, 0 },
	{ 1, 2, 0 },
	{ IOPT_PHYS_LOCK_TRIES - 1, IOPT_PHYS_LOCK_TRIES, 0 },
	/* Of a buffer that moves all the time the last copy is waited for under the lock */
	{ IOPT_PHYS_LOCK_TRIES, IOPT_PHYS_LOCK_TRIES + 1, 1 },
	{ UINT_MAX, IOPT_PHYS_LOCK_TRIES + 1, 1 },
};

static void wait_test_map(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wait_windows); i++) {
		struct wait_scene *s = wait_scene(test, wait_windows[i].copies);

		KUNIT_ASSERT_EQ(test, iopt_phys_map(&s->pages, &s->dmabuf), 0);
		wait_expect(test, s, wait_windows[i].waits,
			    wait_windows[i].locked_waits);
		iopt_phys_unmap(&s->pages);
		KUNIT_EXPECT_EQ(test, s->detached, 1);
	}
}

static void wait_test_restore(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wait_windows); i++) {
		struct wait_scene *s = wait_scene(test, 0);
		struct iopt_phys *phys;

		KUNIT_ASSERT_EQ(test, iopt_phys_map(&s->pages, &s->dmabuf), 0);
		phys = s->pages.dmabuf.iopt_phys;
		s->waits = 0;
		s->mapped = 0;
		s->copies = wait_windows[i].copies;
		reinit_completion(&s->released);
		dma_resv_lock(&s->resv, NULL);
		/* Taken away, and given back by a move that has yet to copy */
		iopt_phys_notify(&s->attach, DMA_BUF_PHYS_EV_REVOKE);
		KUNIT_EXPECT_NULL(test, phys->list);
		wait_begin_copy(s);
		iopt_phys_notify(&s->attach, DMA_BUF_PHYS_EV_RESTORE);
		KUNIT_EXPECT_EQ(test, s->status, -EINPROGRESS);
		dma_resv_unlock(&s->resv);
		complete_all(&s->released);
		iopt_phys_settle(phys);

		wait_expect(test, s, wait_windows[i].waits,
			    wait_windows[i].locked_waits);
		KUNIT_EXPECT_EQ(test, s->filled, 1);
		KUNIT_EXPECT_EQ(test, s->status, 0);
		KUNIT_EXPECT_PTR_EQ(test, phys->list, &s->list);
		iopt_phys_unmap(&s->pages);
	}
}

/* Whichever wait a signal ends, with the lock or without, nothing is mapped or held */
static void wait_test_interrupted(struct kunit *test)
{
	unsigned int at;

	for (at = 1; at <= IOPT_PHYS_LOCK_TRIES + 1; at++) {
		struct wait_scene *s = wait_scene(test, UINT_MAX);

		s->fail_at = at;
		KUNIT_EXPECT_EQ(test, iopt_phys_map(&s->pages, &s->dmabuf),
				-ERESTARTSYS);
		KUNIT_EXPECT_EQ(test, s->waits, at);
		KUNIT_EXPECT_EQ(test, s->mapped, 0);
		KUNIT_EXPECT_EQ(test, s->detached, 1);
		KUNIT_EXPECT_NULL(test, s->pages.dmabuf.iopt_phys);
		wait_expect_unlocked(test, s);
	}
}

static struct kunit_case wait_cases[] = {
	KUNIT_CASE(wait_test_map),
	KUNIT_CASE(wait_test_restore),
	KUNIT_CASE(wait_test_interrupted),
	{}
};

static struct kunit_suite wait_suite = {
	.name = "iommufd-dmabuf-wait",
	.test_cases = wait_cases,
};

kunit_test_suites(&wait_suite);

MODULE_DESCRIPTION("KUnit tests for waiting for the copies of dma-bufs");
MODULE_LICENSE("GPL");
