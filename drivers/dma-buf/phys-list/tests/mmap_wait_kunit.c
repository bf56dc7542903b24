// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a fault of an mmapped dma-buf waits for, and how: with the address space locked
 * or not, and no longer when its task is killed
 */
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/mman.h>

#include "../internal.h"
#include "kunit.h"

#define WAIT_TEST_MS (60 * MSEC_PER_SEC)

/* What another thread does once the test's thread sleeps in a fault */
enum wait_test_then {
	WAIT_TEST_GO_ON,	/* lets it have what it waits for */
	WAIT_TEST_KILL,		/* kills it, and stays where it is */
	WAIT_TEST_STAY,
};

struct wait_test_other {
	struct work_struct work;
	struct task_struct *waiter;
	enum wait_test_then then;
	struct dma_resv *lock;
	struct kt_imp *copier;
	struct completion ready, end;
	bool waits;
};

/* Not only for a moment, on the way to where it is to wait */
static bool wait_test_sleeps(struct task_struct *task)
{
	unsigned long end = jiffies + 10 * HZ;
	unsigned int looks = 0;

	while (looks < 10 && time_before(jiffies, end)) {
		fsleep(1000);
		looks = READ_ONCE(task->__state) & TASK_NORMAL ? looks + 1 : 0;
	}
	return looks == 10;
}

static void wait_test_work(struct work_struct *work)
{
	struct wait_test_other *other = container_of(work, struct wait_test_other, work);

	if (other->lock)
		dma_resv_lock(other->lock, NULL);
	complete(&other->ready);
	if (other->then != WAIT_TEST_STAY)
		WRITE_ONCE(other->waits, wait_test_sleeps(other->waiter));
	if (other->then == WAIT_TEST_KILL)
		kt_signal(other->waiter, SIGKILL);
	/* A fault that does not end must not keep the test from that */
	if (other->then != WAIT_TEST_GO_ON)
		wait_for_completion_timeout(&other->end, msecs_to_jiffies(WAIT_TEST_MS));
	if (other->lock)
		dma_resv_unlock(other->lock);
	if (other->copier)
		flush_delayed_work(&other->copier->signal_work);
}

static void wait_test_begin(struct wait_test_other *other)
{
	other->waiter = current;
	init_completion(&other->ready);
	init_completion(&other->end);
	INIT_WORK_ONSTACK(&other->work, wait_test_work);
	schedule_work(&other->work);
	wait_for_completion(&other->ready);
}

/* Returns true if the test's thread has waited */
static bool wait_test_end(struct wait_test_other *other)
{
	/* flush_work() sleeps in any case */
	bool waited = READ_ONCE(other->waits);

	complete(&other->end);
	flush_work(&other->work);
	kt_unsignal(SIGKILL);
	destroy_work_on_stack(&other->work);
	return waited;
}

/* As a revoke does, which has much to do */
static void wait_test_lock(struct wait_test_other *other, struct kt_buf *buf,
			   enum wait_test_then then)
{
	*other = (struct wait_test_other){ .lock = buf->phys.dmabuf->resv, .then = then };
	wait_test_begin(other);
}

/* As after a move */
static void wait_test_copy(struct wait_test_other *other, struct kt_imp *copier,
			   enum wait_test_then then)
{
	copier->fence_ms = WAIT_TEST_MS;
	dma_resv_lock(copier->dmabuf->resv, NULL);
	kt_add_fence(copier, DMA_RESV_USAGE_KERNEL);
	dma_resv_unlock(copier->dmabuf->resv);
	*other = (struct wait_test_other){ .copier = copier, .then = then };
	wait_test_begin(other);
}

/*
 * A fault does not make an entry for what is still being copied. Who cannot let go
 * of the address space waits as well.
 */
static void wait_test_waits_for_copy(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *copier = kt_imp(test, buf);
	struct wait_test_other other;
	phys_addr_t paddr;
	bool unlocked;

	kt_user_map(test, buf, KT_SIZE, 0);
	wait_test_copy(&other, copier, WAIT_TEST_GO_ON);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, wait_test_end(&other));

	wait_test_copy(&other, copier, WAIT_TEST_GO_ON);
	KUNIT_EXPECT_EQ(test, kt_fault_in_retry(KT_MAP_AT + PAGE_SIZE, &unlocked), 0);
	KUNIT_EXPECT_TRUE(test, wait_test_end(&other));
	KUNIT_EXPECT_TRUE(test, unlocked);
	KUNIT_EXPECT_EQ(test, kt_lookup_page(KT_MAP_AT + PAGE_SIZE, &paddr), PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, kt_fault_in_retry(KT_MAP_AT + 2 * PAGE_SIZE, &unlocked), 0);
	KUNIT_EXPECT_FALSE(test, unlocked);
	kt_user_unmap(test, KT_SIZE);
}

/* Another call has the lock: a fault waits for that as for a copy */
static void wait_test_waits_for_lock(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct wait_test_other other;
	phys_addr_t paddr;
	bool unlocked;

	kt_user_map(test, buf, KT_SIZE, 0);
	wait_test_lock(&other, buf, WAIT_TEST_GO_ON);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, wait_test_end(&other));

	wait_test_lock(&other, buf, WAIT_TEST_GO_ON);
	KUNIT_EXPECT_EQ(test, kt_fault_in_retry(KT_MAP_AT + PAGE_SIZE, &unlocked), 0);
	KUNIT_EXPECT_TRUE(test, wait_test_end(&other));
	KUNIT_EXPECT_TRUE(test, unlocked);
	KUNIT_EXPECT_EQ(test, kt_lookup_page(KT_MAP_AT + PAGE_SIZE, &paddr), PAGE_SIZE);
	kt_user_unmap(test, KT_SIZE);
}

/* Whatever a fault waits for and how, who is killed does not wait any more */
static void wait_test_is_killed(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *copier = kt_imp(test, buf);
	struct wait_test_other other;
	phys_addr_t paddr;
	unsigned int way;
	bool unlocked;
	int ret;

	kt_user_map(test, buf, KT_SIZE, 0);
	for (way = 0; way < 4; way++) {
		if (way & 1)
			wait_test_copy(&other, copier, WAIT_TEST_KILL);
		else
			wait_test_lock(&other, buf, WAIT_TEST_KILL);
		ret = way & 2 ? kt_fault_in(KT_MAP_AT) :
				kt_fault_in_retry(KT_MAP_AT, &unlocked);
		KUNIT_EXPECT_TRUE(test, wait_test_end(&other));
		KUNIT_EXPECT_EQ(test, ret, way & 2 ? -EFAULT : -EINTR);
		KUNIT_EXPECT_EQ(test, kt_lookup_page(KT_MAP_AT, &paddr), 0);
	}
	kt_user_unmap(test, KT_SIZE);
}

/* Asks for the second page */
static vm_fault_t wait_test_fault(unsigned int flags)
{
	struct vm_area_struct *vma;
	vm_fault_t ret = VM_FAULT_SIGSEGV;

	guard(mmap_read_lock)(current->mm);
	vma = vma_lookup(current->mm, KT_MAP_AT);
	if (vma) {
		struct vm_fault vmf = kt_fault_beside(vma);

		vmf.flags |= flags;
		ret = vma->vm_ops->fault(&vmf);
	}
	/* Then it has been released */
	if (ret == VM_FAULT_RETRY && !(flags & FAULT_FLAG_RETRY_NOWAIT))
		mmap_read_lock(current->mm);
	return ret;
}

/* A second attempt does not end without the page, as the buffer might move for ever */
static void wait_test_second_attempt(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *copier = kt_imp(test, buf);
	struct wait_test_other other;

	kt_user_map(test, buf, KT_SIZE, 0);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, PAGE_SIZE);
	wait_test_copy(&other, copier, WAIT_TEST_GO_ON);
	KUNIT_EXPECT_TRUE(test, wait_test_fault(FAULT_FLAG_ALLOW_RETRY |
						FAULT_FLAG_TRIED) == VM_FAULT_NOPAGE);
	KUNIT_EXPECT_TRUE(test, wait_test_end(&other));

	/* Who must not wait is told to come again, and keeps the address space */
	wait_test_copy(&other, copier, WAIT_TEST_STAY);
	KUNIT_EXPECT_TRUE(test, wait_test_fault(FAULT_FLAG_ALLOW_RETRY |
						FAULT_FLAG_RETRY_NOWAIT) == VM_FAULT_RETRY);
	wait_test_end(&other);
	kt_user_unmap(test, KT_SIZE);
}

/*
 * Any other signal: the kernel's access waits as if there were none, that of user space
 * ends without the page, for the signal to be handled.
 */
static void wait_test_is_interrupted(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *copier = kt_imp(test, buf);
	struct wait_test_other other;
	phys_addr_t paddr;
	unsigned int way;
	bool unlocked;

	kt_user_map(test, buf, KT_SIZE, 0);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, PAGE_SIZE);
	kt_signal(current, SIGUSR1);
	for (way = 0; way < 2; way++) {
		if (way)
			wait_test_copy(&other, copier, WAIT_TEST_STAY);
		else
			wait_test_lock(&other, buf, WAIT_TEST_STAY);
		KUNIT_EXPECT_TRUE(test, wait_test_fault(FAULT_FLAG_USER |
							FAULT_FLAG_ALLOW_RETRY |
							FAULT_FLAG_TRIED) ==
					VM_FAULT_NOPAGE);
		KUNIT_EXPECT_TRUE(test, wait_test_fault(FAULT_FLAG_USER |
							FAULT_FLAG_ALLOW_RETRY) ==
					VM_FAULT_RETRY);
		wait_test_end(&other);
		KUNIT_EXPECT_EQ(test, kt_lookup_page(KT_MAP_AT + PAGE_SIZE, &paddr), 0);
	}
	for (way = 0; way < 4; way++) {
		unsigned long at = KT_MAP_AT + (2 + way) * PAGE_SIZE;

		if (way & 1)
			wait_test_copy(&other, copier, WAIT_TEST_GO_ON);
		else
			wait_test_lock(&other, buf, WAIT_TEST_GO_ON);
		KUNIT_EXPECT_EQ(test, way & 2 ? kt_fault_in(at) :
						kt_fault_in_retry(at, &unlocked), 0);
		KUNIT_EXPECT_TRUE(test, wait_test_end(&other));
		KUNIT_EXPECT_EQ(test, kt_lookup_page(at, &paddr), PAGE_SIZE);
	}
	kt_unsignal(SIGUSR1);
	kt_user_unmap(test, KT_SIZE);
}

/* A signal that nobody handles, as that of the freezer, is not seen by the caller */
static void wait_test_is_restarted(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct wait_test_other other;
	long ret;

	KUNIT_ASSERT_EQ(test, kunit_attach_mm(), 0);
	wait_test_lock(&other, buf, WAIT_TEST_STAY);
	kt_signal(current, SIGKILL);
	ret = vm_mmap(buf->phys.dmabuf->file, KT_MAP_AT, KT_SIZE, PROT_READ,
		      MAP_SHARED | MAP_FIXED, 0);
	wait_test_end(&other);
	KUNIT_EXPECT_EQ(test, ret, -ERESTARTSYS);
}

static struct kunit_case wait_test_cases[] = {
	KUNIT_CASE(wait_test_waits_for_copy),
	KUNIT_CASE(wait_test_waits_for_lock),
	KUNIT_CASE(wait_test_is_killed),
	KUNIT_CASE(wait_test_is_interrupted),
	KUNIT_CASE(wait_test_second_attempt),
	KUNIT_CASE(wait_test_is_restarted),
	{}
};

static struct kunit_suite wait_test_suite = {
	.name = "dma-buf-phys-mmap-wait",
	.test_cases = wait_test_cases,
};

kunit_test_suites(&wait_test_suite);
