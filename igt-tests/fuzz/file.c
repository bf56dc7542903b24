// SPDX-License-Identifier: MIT
/*
 * Descriptors: copies of all kinds, and what else can be done with any file
 */
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bytes.h"
#include "file.h"
#include "ops.h"

static bool shared;

bool fuzz_file_is_shared(void)
{
	return shared;
}

bool fuzz_file_is_dmabuf(int fd)
{
	/* Neither for reading nor for writing: that is all that it says of it */
	struct dma_buf_sync sync = { .flags = 0 };

	return fuzz_ioctl((uint64_t)fd, DMA_BUF_IOCTL_SYNC, (uintptr_t)&sync) == -EINVAL;
}

bool fuzz_is_other(enum fuzz_kind kind, uint64_t what)
{
	/* Memory and fences share a kind */
	return what == UINT64_MAX || kind == FUZZ_NOTHING || kind == FUZZ_FILE ||
	       (kind == FUZZ_DMABUF && !fuzz_file_is_dmabuf((int)what));
}

bool fuzz_file_allows(int fd, bool write)
{
	int mode = fcntl(fd, F_GETFL) & O_ACCMODE;

	return mode == O_RDWR || (mode == O_RDONLY && !write);
}

void fuzz_file_reset(void)
{
	shared = false;
}

/* File, how */
long call_dup(const uint64_t *arg)
{
	int pidfd, ret;

	shared = true;
	switch (arg[1] % 3) {
	case 0:
		ret = dup((int)arg[0]);
		break;
	case 1:
		ret = fcntl((int)arg[0], F_DUPFD_CLOEXEC, 100);
		break;
	default:
		pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
		ret = (int)syscall(SYS_pidfd_getfd, pidfd, (int)arg[0], 0);
		if (ret < 0)
			ret = -errno;
		close(pidfd);
		return ret;
	}
	return ret < 0 ? -errno : ret;
}

/* File, whether it is received: what is not goes with the socket */
long call_pass(const uint64_t *arg)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd = (int)arg[0], pair[2], ret;

	shared = true;
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		return -errno;
	control.head = (struct cmsghdr) {
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int)),
	};
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	ret = sendmsg(pair[0], &msg, 0) < 0 ? -errno : 0;
	if (!ret && arg[1] & 1) {
		ret = recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC) < 0 ? -errno : 0;
		/* Without room for a descriptor the byte comes alone, and control is as it was */
		if (!ret && msg.msg_flags & MSG_CTRUNC)
			ret = -EMFILE;
		if (!ret)
			memcpy(&ret, CMSG_DATA(&control.head), sizeof(ret));
	} else if (!ret) {
		ret = -EAGAIN;
	}
	close(pair[0]);
	close(pair[1]);
	return ret;
}

static int open_again(uint64_t fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)fd);
	return open(path, flags);
}

/* File: a path to it that keeps it, without having it open */
long call_open_path(const uint64_t *arg)
{
	int fd = open_again(arg[0], O_PATH | O_CLOEXEC);

	shared = true;
	return fd < 0 ? -errno : fd;
}

/* File, flags: a dma-buf cannot be opened by its name */
long call_open_again(const uint64_t *arg)
{
	int fd = open_again(arg[0], (int)arg[1] & (O_ACCMODE | O_PATH | O_NONBLOCK));

	if (fd < 0)
		return -errno;
	close(fd);
	if (fuzz_bytes_find((int)arg[0]) && !(arg[1] & O_PATH))
		return fuzz_wrong("a dma-buf was opened by its name");
	return 0;
}

/* File, what, number */
long call_file(const uint64_t *arg)
{
	int fd = (int)arg[0];
	struct stat st;
	char byte;
	long ret;

	switch (arg[1] % 8) {
	case 0:
		ret = lseek(fd, (off_t)arg[2], (int)(arg[2] % 3));
		break;
	case 1:
		ret = fcntl(fd, F_GETFL);
		break;
	case 2:
		ret = flock(fd, LOCK_EX | LOCK_NB);
		break;
	case 3:
		ret = fsync(fd);
		break;
	case 4:
		ret = fallocate(fd, 0, 0, (off_t)(arg[2] % FUZZ_PAGE));
		break;
	case 5:
		ret = fstat(fd, &st);
		break;
	case 6:
		ret = pread(fd, &byte, 0, 0);
		break;
	default:
		ret = fcntl(fd, F_GET_SEALS);
		break;
	}
	return ret < 0 ? -errno : ret;
}

#define SYNC struct dma_buf_sync
#define SYNC_FILE struct dma_buf_export_sync_file

#define FILE_ERRNOS OTHER_FILE, ENOTTY, EFAULT, ESPIPE, EOPNOTSUPP, ENODEV, EAGAIN, EACCES, ENXIO, \
	EISDIR, EOVERFLOW

const struct fuzz_op fuzz_file_ops[] = {
	{
		.name = "dup", .weight = 30, GIVES(FUZZ_DMABUF), CALL(call_dup),
		ARGS(ARG("file", RES(FUZZ_DMABUF)), ARG("how", BELOW(3, 1)),),
		ERRNOS(OTHER_FILE, EMFILE),
	}, {
		.name = "pass", .weight = 16, GIVES(FUZZ_DMABUF), CALL(call_pass),
		ARGS(ARG("file", RES(FUZZ_DMABUF)), ARG("receive", OF(1, 1, 0)),),
		ERRNOS(OTHER_FILE, EMFILE, EAGAIN),
	}, {
		.name = "open-path", .weight = 6, GIVES(FUZZ_DMABUF),
		CALL(call_open_path),
		ARGS(ARG("file", RES(FUZZ_DMABUF)),),
		ERRNOS(ENOENT),
	}, {
		.name = "open-again", .weight = 8, GIVES_NOTHING,
		CALL(call_open_again),
		ARGS(ARG("file", RES(FUZZ_DMABUF)), ARG("flags", OF(0, 1, 2, O_PATH)),),
		ERRNOS(ENOENT, ENXIO, EINVAL, EBUSY, EACCES, ENODEV, EPERM),
	}, {
		.name = "file", .weight = 30, GIVES_NOTHING, CALL(call_file),
		ARGS(ARG("file", RES(FUZZ_NOTHING)), ARG("what", BELOW(8, 1)),
		     ARG("number", ODD),),
		ERRNOS(FILE_ERRNOS),
	}, {
		.name = "sync", .weight = 24, GIVES_NOTHING,
		IOCTL(FUZZ_DMABUF, DMA_BUF_IOCTL_SYNC, SYNC),
		ARGS(MEMBER(SYNC, flags, BELOW(8, 1)),),
		ERRNOS(OTHER_FILE, EINVAL, -ENOTTY),
	}, {
		.name = "set-name", .weight = 8, GIVES_NOTHING,
		IOCTL_NONE(FUZZ_DMABUF, DMA_BUF_SET_NAME_B), ARGS(),
		ERRNOS(OTHER_FILE, EINVAL, -ENOTTY),
	}, {
		.name = "export-sync-file", .weight = 16,
		GIVES_ID(FUZZ_FILE, SYNC_FILE, fd),
		IOCTL(FUZZ_DMABUF, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, SYNC_FILE),
		ARGS(MEMBER(SYNC_FILE, flags, OF(1, 2, 3, 0)),
		     MEMBER(SYNC_FILE, fd, ODD),),
		ERRNOS(OTHER_FILE, EINVAL, -ENOTTY, EMFILE),
	}, {
		.name = "import-sync-file", .weight = 14, GIVES_NOTHING,
		IOCTL(FUZZ_DMABUF, DMA_BUF_IOCTL_IMPORT_SYNC_FILE,
		      struct dma_buf_import_sync_file),
		ARGS(MEMBER(struct dma_buf_import_sync_file, flags, OF(1, 2, 3, 0)),
		     MEMBER(struct dma_buf_import_sync_file, fd, RES(FUZZ_FILE)),),
		ERRNOS(OTHER_FILE, -ENOTTY),
	},
	{ 0 }
};
