// SPDX-License-Identifier: MIT
/*
 * Checks what tests rely on when they say "scattered" and "untouched"
 */
#include <sys/wait.h>
#include <unistd.h>

#include "igt_core.h"
#include "nvme.h"
#include "ranges.h"

/* Whether picture_check() would fail the test; it leaves by longjmp(), so ask
 * in a child
 */
static bool complains(const struct picture *picture)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		/* Not a word of it into the parent's log */
		if (!freopen("/dev/null", "w", stdout) ||
		    !freopen("/dev/null", "w", stderr))
			_exit(2);
		alarm(60);
		if (setjmp(igt_subtest_jmpbuf))
			_exit(1);
		picture_check(picture);
		_exit(0);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFEXITED(status) && WEXITSTATUS(status) != 2);
	return WEXITSTATUS(status);
}

int igt_main()
{
	igt_describe("Every even slot once, no two neighbours");
	igt_subtest("scattered") {
		size_t nr, i;

		for (nr = 1; nr <= 4096; nr *= 2) {
			struct vfio_region_dma_range *ranges =
				ranges_scattered(nr, MiB(1), PAGE);
			uint8_t *seen = calloc(nr, 1);

			igt_assert(seen);
			for (i = 0; i < nr; i++) {
				uint64_t slot = (ranges[i].offset - MiB(1)) / PAGE;

				igt_assert_eq((int)(slot & 1), 0);
				igt_assert_lt((int)slot / 2, (int)nr);
				igt_assert(!seen[slot / 2]++);
				igt_assert_eq_u64(ranges[i].length, PAGE);
				igt_assert(!i || ranges[i].offset !=
						 ranges[i - 1].offset + PAGE);
			}
			igt_assert_eq_u64(ranges_size(ranges, nr), nr * PAGE);
			free(seen);
			free(ranges);
		}
	}

	igt_describe("Offsets of the dma-buf lead to the right range");
	igt_subtest("find") {
		const struct vfio_region_dma_range ranges[] = {
			{ MiB(2), PAGE }, { 0, 3 * PAGE }, { MiB(1), PAGE } };

		igt_assert_eq_u64(ranges_find(ranges, 3, 0), MiB(2));
		igt_assert_eq_u64(ranges_find(ranges, 3, PAGE - 1),
				  MiB(2) + PAGE - 1);
		igt_assert_eq_u64(ranges_find(ranges, 3, PAGE), 0);
		igt_assert_eq_u64(ranges_find(ranges, 3, 4 * PAGE), MiB(1));
		igt_assert_eq_u64(ranges_find(ranges, 3, 5 * PAGE), UINT64_MAX);
	}

	igt_describe("A picture notices one wrong bit anywhere");
	igt_subtest("picture") {
		const struct vfio_region_dma_range ranges[] = {
			{ 4 * PAGE, PAGE }, { PAGE, 2 * PAGE } };
		uint64_t *memory = aligned_alloc(PAGE, 8 * PAGE), i;
		struct picture picture;

		igt_assert(memory);
		picture_start(&picture, memory, 8 * PAGE);
		picture_check(&picture);

		/* Slice of two pages: the second of the dma-buf and the third */
		for (i = 0; i < 2 * PAGE; i += 8)
			memory[(PAGE + i) / 8] = NVME_DISK_WORD(MiB(3) + i);
		igt_assert(complains(&picture));
		picture_disk(&picture, ranges, 2, PAGE, 2 * PAGE, MiB(3));
		picture_check(&picture);

		for (i = 0; i < 8; i++) {
			uint64_t *word = &memory[i * PAGE / 8 + i];

			*word ^= 1ull << (7 * i);
			igt_assert(complains(&picture));
			*word ^= 1ull << (7 * i);
		}
		picture_check(&picture);
		picture_free(&picture);
		free(memory);
	}
}
