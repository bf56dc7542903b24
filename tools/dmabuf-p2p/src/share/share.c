// SPDX-License-Identifier: GPL-2.0
/*
 * A dma-buf goes from one process to another over a Unix socket
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "message.h"
#include "share.h"

/* The server answers at once; this is for a socket of something else */
#define PATIENCE 5

/* One file descriptor beside a message */
union control {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static bool make_address(struct sockaddr_un *address, const char *path)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (!path[0] || strlen(path) >= sizeof(address->sun_path)) {
		complain(path[0] ? path : "unix:", NULL,
			 "the path of a socket has 1 to %zu characters",
			 sizeof(address->sun_path) - 1);
		return false;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return true;
}

static int try_bind(int fd, const struct sockaddr_un *address)
{
	/* For nobody else from its first moment on */
	mode_t mask = umask(0177);
	int ret = bind(fd, (const struct sockaddr *)address, sizeof(*address));

	umask(mask);
	return ret ? -errno : 0;
}

/* Remove what a server that was killed has left, and nothing else */
static int remove_stale(const struct sockaddr_un *address)
{
	const char *path = address->sun_path;
	struct stat st;
	int fd, ret;

	if (lstat(path, &st) || !S_ISSOCK(st.st_mode)) {
		complain(path, "name another path, or remove it",
			 "there is something, and it is no socket");
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	ret = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	if (ret && errno == ECONNREFUSED) {
		close(fd);
		return unlink(path);
	}
	close(fd);
	complain(path, "name another path, or end that one",
		 "another program serves this socket");
	return -1;
}

int share_listen(const char *path, gid_t gid)
{
	struct sockaddr_un address;
	int fd, ret;

	if (!make_address(&address, path))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		complain(path, NULL, "cannot make a socket: %s",
			 strerror(errno));
		return -1;
	}
	ret = try_bind(fd, &address);
	if (ret == -EADDRINUSE) {
		if (remove_stale(&address))
			goto fail;
		ret = try_bind(fd, &address);
	}
	if (ret) {
		complain(path, NULL, "cannot make the socket: %s",
			 strerror(-ret));
		goto fail;
	}
	cleanup_unlink(path);
	if (gid != (gid_t)-1 &&
	    (chown(path, (uid_t)-1, gid) || chmod(path, 0660))) {
		complain(path, "name a group you are in",
			 "cannot give the socket to the group: %s",
			 strerror(errno));
		goto fail;
	}
	if (!listen(fd, SOMAXCONN))
		return fd;
	complain(path, NULL, "cannot listen: %s", strerror(errno));
fail:
	close(fd);
	return -1;
}

static int send_fd(int to, int fd, const struct share_header *header)
{
	struct iovec iov = {
		.iov_base = (void *)header,
		.iov_len = sizeof(*header),
	};
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	/* It fits into a new socket's buffer: nobody can keep us waiting */
	if (sendmsg(to, &msg, MSG_NOSIGNAL) != (ssize_t)sizeof(*header))
		return -errno;
	return 0;
}

int share_serve(int listener, int fd, const struct share_header *header,
		pid_t *client)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int to, ret;

	to = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (to < 0)
		return errno == ECONNABORTED ? -EPIPE : -errno;
	getsockopt(to, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	*client = peer.pid;
	ret = send_fd(to, fd, header);
	close(to);
	return ret;
}

/* Return: the fd, -errno, or -EPROTO if the message is not one of ours */
static int receive_fd(int from, struct share_header *header)
{
	struct iovec iov = { .iov_base = header, .iov_len = sizeof(*header) };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *cmsg;
	ssize_t got;
	int fd = -1;

	got = recvmsg(from, &msg, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	if (got < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET &&
	    cmsg->cmsg_type == SCM_RIGHTS &&
	    cmsg->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	if (fd >= 0 && got == (ssize_t)sizeof(*header) &&
	    !memcmp(header->magic, SHARE_MAGIC, sizeof(header->magic)) &&
	    memchr(header->name, 0, sizeof(header->name)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -EPROTO;
}

static void complain_connect(const char *path, int err)
{
	if (err == ENOENT)
		complain(path, "start 'dmabuf-p2p export ... --socket' first",
			 "there is no such socket");
	else if (err == ECONNREFUSED)
		complain(path, "start 'dmabuf-p2p export ... --socket' again",
			 "nobody serves this socket any more");
	else if (err == EACCES)
		complain(path,
			 "'export --group' lets a group of users connect",
			 "the socket is somebody else's");
	else
		complain(path, NULL, "cannot connect: %s", strerror(err));
}

int share_take(const char *path, struct share_header *header)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	struct sockaddr_un address;
	int from, fd;

	if (!make_address(&address, path))
		return -1;
	from = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (from < 0 || connect(from, (const struct sockaddr *)&address,
				sizeof(address))) {
		complain_connect(path, errno);
		if (from >= 0)
			close(from);
		return -1;
	}
	setsockopt(from, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	fd = receive_fd(from, header);
	close(from);
	if (fd >= 0)
		return fd;
	if (fd == -EPROTO || fd == -EAGAIN)
		complain(path, NULL,
			 "this socket is not one of 'dmabuf-p2p export'");
	else
		complain(path, NULL, "cannot receive: %s", strerror(-fd));
	return -1;
}
