// SPDX-License-Identifier: GPL-2.0
/*
 * How long a PCI device is waited for that is to be an RDMA device, and a completion;
 * libibverbs and the clock are made up
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "devices/rdma.h"
#include "devices/sysfs.h"
#include "tap.h"

/* What each look finds until @until ms, what it finds then, and how long it takes */
static struct {
	int first, then;
	uint64_t until, takes;
} look;

static uint64_t now;
static unsigned int looks;

uint64_t __wrap_now_ms(void);
int __wrap_usleep(useconds_t us);
int __wrap___verbs_find(const char *name, struct verbs_device *device);

uint64_t __wrap_now_ms(void)
{
	return now;
}

int __wrap_usleep(useconds_t us)
{
	now += us / 1000;
	return 0;
}

int __wrap___verbs_find(const char *name, struct verbs_device *device)
{
	int ret = now < look.until ? look.first : look.then;

	(void)name;
	(void)device;
	looks++;
	now += look.takes;
	return ret;
}

static int wait_for(int first, uint64_t until, int then, uint64_t takes)
{
	struct verbs_device device;

	look.first = first;
	look.until = until;
	look.then = then;
	look.takes = takes;
	now = 0;
	looks = 0;
	return __rdma_wait_device("0000:00:01.0", &device);
}

/* Completes at that time, and each look takes as long as @look says */
static int poll_cq(struct ibv_cq *cq, int nr, struct ibv_wc *wc)
{
	bool done = now >= look.until;

	(void)cq;
	(void)nr;
	(void)wc;
	looks++;
	now += look.takes;
	return done;
}

static int wait_cq(uint64_t until, uint64_t takes)
{
	struct ibv_context context = { .ops.poll_cq = poll_cq };
	struct ibv_cq cq = { .context = &context };
	struct ibv_wc wc;

	look.until = until;
	look.takes = takes;
	now = 0;
	return __verbs_wait_cq(&cq, &wc, 10000);
}

int main(void)
{
	tap_ok(!wait_for(0, 0, 0, 0) && looks == 1, "it is there");
	tap_ok(!wait_for(-ENODEV, 100000, 0, 0), "it comes late");
	tap_ok(wait_for(-ENODEV, 0, -ENODEV, 0) == -ENODEV && now < PATIENCE_MS + 1000,
	       "it does not come");
	tap_ok(wait_for(-ELIBACC, 0, -ELIBACC, 0) == -ELIBACC && now < 5000,
	       "without a provider it is not waited for");
	tap_ok(!wait_for(-ELIBACC, 500, 0, 0), "while it comes, libibverbs has none");
	tap_ok(wait_for(-ELIBACC, 500, -ENODEV, 0) == -ENODEV, "nor while it goes");
	tap_ok(wait_for(-ELIBACC, 0, -ELIBACC, 60000) == -ELIBACC && now < 4 * PATIENCE_MS,
	       "however slow the machine, that ends");
	tap_ok(wait_for(-ENOMEM, 0, -ENOMEM, 0) == -ENOMEM && looks == 1,
	       "what is no answer is not asked again");
	tap_ok(!wait_for(-ENODEV, 1, 0, 2 * PATIENCE_MS),
	       "however long a look takes, another one follows");
	tap_ok(!wait_cq(9000, 0), "a completion in time");
	tap_ok(wait_cq(20000, 0) == -ETIMEDOUT, "none in time");
	tap_ok(!wait_cq(1, 60000), "one that came while nobody could look");
	return tap_end();
}
