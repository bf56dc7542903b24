// SPDX-License-Identifier: MIT
#include <errno.h>
#include <sys/ioctl.h>

#include "iommufd.h"
#include "iommufd_mock.h"

int mock(int iommufd, uint32_t op, struct mock_cmd *cmd)
{
	int ret;

	cmd->size = sizeof(*cmd);
	cmd->op = op;
	ret = ioctl(iommufd, _IO(IOMMUFD_TYPE, 0x80 + 32), cmd);
	return ret < 0 ? -errno : ret;
}

int mock_revoke(int iommufd, int dmabuf, bool revoked)
{
	struct mock_cmd cmd = { .id = 0 };

	cmd.revoke.fd = dmabuf;
	cmd.revoke.revoked = revoked;
	return mock(iommufd, MOCK_PHYS_REVOKE, &cmd);
}
