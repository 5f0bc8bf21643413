// SPDX-License-Identifier: Apache-2.0
// Clients that send garbage, halves, descriptors, floods, and never read: the program notices none
// of it, and who asks properly is answered.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <random>

#include "tests/fault/process_state.h"
#include "tests/unit/control/status_client.h"

namespace terrace::control::hostile_client_test {
namespace {

class HostileClient : public testing::Test {
 protected:
  void SetUp() override {
    started_server();
    ASSERT_NE(ask_self(), "");
    names_ = own_names();
    ASSERT_EQ(names_.size(), 1u);
    written_ = documents_written();
    files_ = testing_support::open_files();
  }
  void TearDown() override {
    EXPECT_NE(ask_self(milliseconds(5000)), "") << "it no longer answers";
    EXPECT_EQ(testing_support::open_files(), files_);
  }
  /// Waits until the queue has been worked off.
  void settle() {
    ASSERT_NE(ask_self(milliseconds(5000)), "");
    ++written_;
  }
  const std::string& name() const { return names_.front(); }

  std::vector<std::string> names_;
  int written_ = 0;
  long files_ = 0;
};

TEST_F(HostileClient, GarbageIsNotAnswered) {
  RawClient client;
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    std::string text(random() % 4096, '\0');
    for (char& letter : text) letter = static_cast<char>(random());
    client.send(name(), text.data(), text.size());
    if (i % 8 == 0) settle();
  }
  settle();
  EXPECT_EQ(documents_written(), written_);
  char byte = 0;
  EXPECT_EQ(recv(client.get(), &byte, 1, MSG_DONTWAIT), -1);
}

TEST_F(HostileClient, HalfARequestAndOneWithATailAreNotAnswered) {
  RawClient client;
  const std::string whole = os::kStatusRequest;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(client.send(name(), whole.data(), size));
    settle();
  }
  const std::string longer = whole + " ";
  EXPECT_TRUE(client.send(name(), longer.data(), longer.size()));
  settle();
  EXPECT_EQ(documents_written(), written_);
}

TEST_F(HostileClient, DescriptorsThatAreSentAlongAreDropped) {
  RawClient client;
  files_ += 1;  // the client's own
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path + 1, name().data(), name().size());
  std::string text = os::kStatusRequest;
  iovec data{text.data(), text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr header{};
  header.msg_name = &to;
  header.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name().size());
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(2 * sizeof(int));
  const int fds[2] = {0, 1};
  std::memcpy(CMSG_DATA(rights), fds, sizeof fds);
  ASSERT_GT(sendmsg(client.get(), &header, 0), 0);
  settle();
  EXPECT_EQ(documents_written(), written_ + 1) << "the request itself was in order";
  EXPECT_EQ(testing_support::open_files(), files_);
  files_ -= 1;
}

TEST_F(HostileClient, ClientsThatNeverReadCostNothing) {
  std::vector<std::unique_ptr<RawClient>> clients;
  int sent = 0;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<RawClient>());
    for (int again = 0; again < 20; ++again) {
      sent += clients.back()->send(name(), os::kStatusRequest, sizeof os::kStatusRequest - 1);
    }
    if (i % 10 == 0) {
      ASSERT_NE(ask_self(milliseconds(5000)), "");
    }
  }
  EXPECT_GT(sent, 10);
}

TEST_F(HostileClient, AskerWithoutANameIsNotAnswered) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path + 1, name().data(), name().size());
  // Nobody may know whom to answer: the kernel names senders that want identities, this does not.
  EXPECT_GT(sendto(fd, os::kStatusRequest, sizeof os::kStatusRequest - 1, 0,
                   reinterpret_cast<const sockaddr*>(&to),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name().size())),
            0);
  settle();
  close(fd);
}

TEST_F(HostileClient, AnotherUserIsNotAnswered) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming another user: run as root";
  // Root and the program's own user may ask: the program is root's here.
  int asked[2];
  int settled[2];
  ASSERT_EQ(pipe(asked) | pipe(settled), 0);
  char byte = 0;
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(65534) != 0 || setuid(65534) != 0) _exit(9);
    RawClient client;
    client.send(name(), os::kStatusRequest, sizeof os::kStatusRequest - 1);
    if (write(asked[1], "", 1) != 1 || read(settled[0], &byte, 1) != 1) _exit(8);
    _exit(recv(client.get(), &byte, 1, MSG_DONTWAIT) < 0 ? 0 : 1);
  }
  close(asked[1]);  // so that a child that ends early is no wait
  EXPECT_EQ(read(asked[0], &byte, 1), 1);
  settle();  // requests are taken in their order: the child's has been
  EXPECT_EQ(write(settled[1], "", 1), 1);
  for (const int fd : {asked[0], settled[0], settled[1]}) close(fd);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(documents_written(), written_);
}

}  // namespace
}  // namespace terrace::control::hostile_client_test
