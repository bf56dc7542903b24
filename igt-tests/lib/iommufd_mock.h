/* SPDX-License-Identifier: MIT */
#ifndef LIB_IOMMUFD_MOCK_H
#define LIB_IOMMUFD_MOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What iommufd's mocks may be asked, with CONFIG_IOMMUFD_TEST: iommufd_test.h there */
#define MOCK_DOMAIN 2
#define MOCK_CHECK_REFS 4
#define MOCK_CREATE_ACCESS 5
#define MOCK_UNPIN 6
#define MOCK_PIN 7
#define MOCK_RW 8
#define MOCK_DOMAIN_FLAGS 12
#define MOCK_DIRTY 13
#define MOCK_PHYS_GET 256
#define MOCK_PHYS_REVOKE 257

/**
 * struct mock_cmd - a command; @size and @op are filled in by mock()
 * @room: the union has this size whichever command it is
 */
struct mock_cmd {
	uint32_t size;
	uint32_t op;
	uint32_t id;
	uint32_t reserved;
	union {
		struct {
			uint32_t out_stdev_id, out_hwpt_id, out_idev_id;
			uint32_t dev_flags;
		} domain;
		struct {
			uint64_t length, uptr;
			uint32_t refs;
		} refs;
		struct {
			uint32_t out_fd, flags;
		} create;
		struct {
			uint32_t id;
		} unpin;
		struct {
			uint32_t flags, out_id;
			uint64_t iova, length, uptr;
		} pin;
		struct {
			uint64_t iova, length, uptr;
			uint32_t flags;
		} rw;
		struct {
			uint32_t flags;
			uint64_t iova, length, page_size, uptr, out_nr;
		} dirty;
		struct {
			uint32_t length, open_flags;
		} get;
		struct {
			int32_t fd;
			uint32_t revoked;
		} revoke;
		uint64_t room[6];
	};
	uint32_t last;
};

/**
 * mock - ask the mocks for something
 * @iommufd: fd of iommufd
 * @op: %MOCK_DOMAIN and so on
 * @cmd: the command, the rest filled in
 *
 * Return: what the ioctl returns, or -errno.
 */
int mock(int iommufd, uint32_t op, struct mock_cmd *cmd);

/** mock_revoke - take access to a dma-buf of %MOCK_PHYS_GET away, or give it back */
int mock_revoke(int iommufd, int dmabuf, bool revoked);

#endif /* LIB_IOMMUFD_MOCK_H */
