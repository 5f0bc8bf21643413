// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/edge.h"

#include <gtest/gtest.h>

#include "tests/unit/wall/wall_rig.h"

namespace terrace::wall::edge_test {
namespace {

using test::machine;
using test::plain_constants;
using test::small_model;

struct Rig {
  WallMachine device = machine("device", 80, 16);
  WallMachine cloud = machine("cloud", 3200, 200);
  ModelLoads model = small_model();
  Network network{0.5, 1e6, 3.6, 0.36, 1};

  EdgeRow weigh_request(double prompt, double output) const {
    const auto row =
        weigh(plain_constants(), {device, model}, {cloud, model}, network, {prompt, output});
    EXPECT_TRUE(row.ok());
    return *row;
  }
};

TEST(Edge, ShortAnswersAreSoonerAtHandAndLongOnesInTheCloud) {
  const Rig rig;
  EXPECT_EQ(rig.weigh_request(10, 4).sooner, Winner::kDevice);
  const EdgeRow longer = rig.weigh_request(10, 500);
  EXPECT_EQ(longer.sooner, Winner::kCloud);
  // Device 0.1 s a token, cloud 0.0025 s and a second of network: they meet near ten tokens.
  EXPECT_GT(longer.crossover_output, 5);
  EXPECT_LT(longer.crossover_output, 15);
}

TEST(Edge, TheNetworkAddsItsRoundTripAndTheUpload) {
  const Rig rig;
  const EdgeRow row = rig.weigh_request(1000, 10);
  const auto alone = answer_for(plain_constants(), rig.cloud, rig.model, 1000, 1);
  EXPECT_NEAR(row.cloud.first_token_seconds,
              alone->first_token_seconds.value + 2 * 0.5 + 4000 / 1e6, 1e-9);
}

TEST(Edge, WhatTheDeviceCannotHoldGoesToTheCloud) {
  const Rig rig;
  const EdgeRow row = rig.weigh_request(12000, 100);
  EXPECT_FALSE(row.device.fits);
  EXPECT_EQ(row.sooner, Winner::kCloud);
  EXPECT_EQ(row.cheaper, Winner::kCloud);
}

TEST(Edge, CheaperIsUnknownWithoutTheDevicesPower) {
  Rig rig;
  EXPECT_EQ(rig.weigh_request(10, 10).cheaper, Winner::kUnknown);
  rig.device.power_watts = 10;
  const EdgeRow row = rig.weigh_request(10, 10);
  EXPECT_NE(row.cheaper, Winner::kUnknown);
  EXPECT_NEAR(row.device.usd, 10 * row.device.whole_seconds / 3.6e6 * 0.36, 1e-12);
}

TEST(Edge, SharingTheCloudsStepsMakesItCheaper) {
  Rig rig;
  const double alone = rig.weigh_request(10, 500).cloud.usd;
  rig.network.cloud_batch = 16;
  EXPECT_LT(rig.weigh_request(10, 500).cloud.usd, alone / 2);
}

}  // namespace
}  // namespace terrace::wall::edge_test
