// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys pass
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: lifetimes
 * Functionality: another process
 * Description: A dma-buf is passed to a process that has nothing else of the exporter,
 *	as from a service that has the devices to a VMM: there it is memory of a guest and
 *	of another device, and follows what the exporter does
 * Test category: functionality test
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt_core.h"
#include "kvm_loop.h"
#include "pass.h"
#include "pci.h"
#include "scene.h"
#include "subtests.h"
#include "sysfs.h"
#include "vtd.h"

#define SIZE MiB(2)
#define WORDS 512u

/* Beside the guest's words, which are at the start of each page */
#define DMA_AT (SIZE / 2 + 0x100)

/* Stores of the guest, and enough faults to be sure that it does nothing else */
#define SOME 20

static struct scene scene;
static int fd = -1;
static pid_t pid;

/* What both processes see: the receiver says how it gets on, and does DMA on request */
static struct {
	uint64_t stores;
	uint64_t faults;
	uint64_t asked;
	uint64_t done;
} *told;

#define get(field) __atomic_load_n(&told->field, __ATOMIC_ACQUIRE)
#define set(field, value) __atomic_store_n(&told->field, value, __ATOMIC_RELEASE)

static int receive_and_use(int sock)
{
	static struct guest guest;
	struct vcpu_loop *loop = &guest.loop[0];
	int its = -1, iommufd;
	struct edu edu;
	uint32_t ioas;

	/* A BAR that it has inherited would keep the exporter's device open */
	vfio_close(&scene.shm);
	iommufd = __iommufd_open();
	if (__pass_fd(sock, &its) || __ioas_alloc(iommufd, &ioas) ||
	    __edu_open(&edu, pci_env("DMABUF_EDU2"), iommufd) || __edu_attach(&edu, ioas) ||
	    __ioas_map_file(iommufd, ioas, its, 0, SIZE, BASE) ||
	    __guest_open(&guest, KVM_X86_DEFAULT_VM, 1) ||
	    __vmm_dmabuf(&guest.vmm, 1, BASE, its, 0, SIZE) ||
	    __vcpu_loop_start(loop, &guest.vcpu[0], BASE, WORDS, PAGE))
		return 1;
	close(its);
	for (;;) {
		uint64_t asked = get(asked);

		set(stores, vcpu_loop_done(loop));
		set(faults, vcpu_loop_faults(loop));
		if (asked != get(done)) {
			if (__edu_write(&edu, BASE + DMA_AT, &asked, sizeof(asked)))
				return 1;
			set(done, asked);
		}
		usleep(1000);
	}
}

static void wait_more(const uint64_t *count, const char *what)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	uint64_t until = __atomic_load_n(count, __ATOMIC_ACQUIRE) + SOME;

	while (__atomic_load_n(count, __ATOMIC_ACQUIRE) < until) {
		igt_assert_f(!waitpid(pid, NULL, WNOHANG), "the receiver has ended\n");
		igt_assert_f(now_ms() < deadline, "no %s for too long\n", what);
		usleep(1000);
	}
}

/* The receiver's guest and device use the BAR */
static void expect_used(void)
{
	uint64_t deadline = now_ms() + PATIENCE_MS, word = get(asked) + 1;

	wait_more(&told->stores, "stores of the guest");
	igt_assert(vtd_mapped(pci_env("DMABUF_EDU2"), BASE + DMA_AT));
	set(asked, word);
	while (get(done) != word) {
		igt_assert_f(now_ms() < deadline, "no DMA for too long\n");
		usleep(1000);
	}
	igt_assert_eq_u64(*(volatile uint64_t *)(scene.bar + DMA_AT), word);
}

/* Nothing of the receiver's reaches it: its guest faults, over and over, and that is all */
static void expect_unused(void)
{
	uint64_t stores;

	igt_assert(!vtd_mapped(pci_env("DMABUF_EDU2"), BASE + DMA_AT));
	/* One that was done before may not have been told yet */
	wait_more(&told->faults, "faults of the guest");
	stores = get(stores);
	wait_more(&told->faults, "faults of the guest");
	igt_assert_eq_u64(get(stores), stores);
}

static void begin(void)
{
	int pair[2];

	/* However the subtest before left it */
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close_fd(&fd);
	memset(told, 0, sizeof(*told));
	igt_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(receive_and_use(pair[1]));
	}
	/* There is no dma-buf before that, so it can only have come by the socket */
	fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, SIZE);
	igt_assert_eq(__pass_fd(pair[0], &fd), 0);
	close_fd(&fd);
	close(pair[0]);
	close(pair[1]);
}

/**
 * SUBTEST: revoke
 * Description: The exporter, which has closed its own descriptor, switches memory off and
 *	on: the receiver's guest and device have the BAR, then nothing, then the BAR again
 */
static void off_and_on(void)
{
	int i;

	begin();
	expect_used();
	for (i = 0; i < 3; i++) {
		vfio_memory_enable(&scene.shm, false);
		expect_unused();
		vfio_memory_enable(&scene.shm, true);
		expect_used();
	}
	igt_assert_eq(__vfio_reset(&scene.shm), 0);
	wait_restored();
	expect_used();
}

/**
 * SUBTEST: close
 * Description: The exporter closes the device, and opens it again: the receiver has
 *	nothing, and nothing of it is in the BAR
 */
static void close_device(void)
{
	begin();
	expect_used();
	vfio_close(&scene.shm);
	expect_unused();
	vfio_open(&scene.shm, pci_env("DMABUF_EXPORTER"), scene.iommufd);
	scene.bar = vfio_map_bar(&scene.shm, SHM_BAR);
	guard_fill(scene.bar, 0, SIZE);
	expect_unused();
	guard_check(scene.bar, 0, SIZE);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "revoke", off_and_on },
		{ "close", close_device },
	};

	igt_fixture() {
		vmm_require(KVM_X86_DEFAULT_VM);
		scene_open(&scene);
		/* The receiver uses it and is killed: who gives it back is this program */
		pci_bind(pci_env("DMABUF_EDU2"), "vfio-pci");
		told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		igt_assert(told != MAP_FAILED);
	}

	subtests(tests, NULL, NULL);

	igt_fixture() {
		if (pid > 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		close_fd(&fd);
		scene_close(&scene);
	}
}
