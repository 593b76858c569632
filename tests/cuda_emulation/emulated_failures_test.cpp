// SPDX-License-Identifier: Apache-2.0
// The sentence of every failure of a device, and that none leaves memory behind.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "steepest/error.hpp"
#include "tests/cuda_emulation/emulated_training.hpp"
#include "tests/cuda_emulation/emulation.hpp"
#include "tests/cuda_emulation/emulation_fixture.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using emulation::counts;
using emulation::Machine;
using emulation::set_machine;

class EmulatedFailures : public Emulation {};

TEST_F(EmulatedFailures, AFullMemoryNamesWhatDidNotFit) {
  Machine machine;
  machine.memory_bytes = 40'000'000;
  set_machine(machine);
  const auto backend = kernels::make_cuda_backend(0, Precision::fp64);
  const auto hold = [&](std::int64_t rows) { backend->hold(random_data({rows, 99, 1}, false, 1)); };
  // cuBLAS has 32 MiB of the 40 MB. (10,000 + 128) rows of 100 doubles are 8.102 MB.
  EXPECT_EQ(
      thrown_message<DeviceError>([&] { hold(10000); }),
      "the GPU is out of memory: the features, which --engine stream leaves on the host, need "
      "0.008 GB, and 0.006 of 0.040 GB are free; use fewer rows, precision fp32, another GPU or "
      "the CPU");
  hold(100);
}

TEST_F(EmulatedFailures, ASmallerGpuTakesWhatItsSharedMemoryHolds) {
  Machine machine;
  machine.shared_bytes = 99 * 1024;  // of sm_86
  set_machine(machine);
  const auto message = [](const Problem& problem) {
    return thrown_message<OptionError>(
        [&] { train_emulated(Precision::fp32, problem, 1, Engine::fused); });
  };
  // 12 columns and two tiles of 24 rows, 788 floats each, 4 x 24 x 16 scores, 10 KB declared.
  EXPECT_EQ(message({SoftmaxLoss{}, {20, 784, 10}}),
            "--engine fused needs 201 KB of shared memory a block for this model, and this GPU "
            "gives 99 KB: use --engine products");
  EXPECT_NO_THROW(train_emulated(Precision::fp32, {SoftmaxLoss{}, {20, 20, 10}}, 1, Engine::fused));
  EXPECT_NO_THROW(train_emulated(Precision::fp32, {SquaredLoss{}, {20, 784, 1}}, 1, Engine::fused));
}

// Others run the PTX of 7.5, which has no products of tensor cores; cuBLAS has its own code.
TEST_F(EmulatedFailures, TensorCoresAreAskedForWhereTheyAre) {
  Machine machine;
  machine.compute_major = 8;
  set_machine(machine);
  const Problem problem{SoftmaxLoss{}, {20, 7, 10}};
  EXPECT_EQ(thrown_message<OptionError>(
                [&] { train_emulated(Precision::tf32, problem, 1, Engine::fused); }),
            "--engine fused takes --precision tf32 and bf16 on GPUs of compute capability 9.0, and "
            "this one has 8.x: use --engine products");
  EXPECT_NO_THROW(train_emulated(Precision::bf16, problem, 1));
  machine.compute_major = 7;
  machine.compute_minor = 5;
  set_machine(machine);
  EXPECT_EQ(thrown_message<OptionError>([&] { train_emulated(Precision::bf16, problem, 1); }),
            "--precision bf16 needs a GPU of compute capability 8.0 or later, and this one has "
            "7.x: use --precision fp32");
  machine = {};
  machine.shared_bytes = 99 * 1024;
  set_machine(machine);
  // 16 columns of 804 words, two tiles of 16 rows of 804, 8 x 16 x 20 scores, 10 KB declared.
  EXPECT_EQ(thrown_message<OptionError>([] {
              train_emulated(Precision::tf32, {SoftmaxLoss{}, {20, 784, 10}}, 1, Engine::fused);
            }),
            "--engine fused needs 171 KB of shared memory a block for this model, and this GPU "
            "gives 99 KB: use --engine products");
}

TEST_F(EmulatedFailures, AFusedLaunchThatFailsIsADeviceError) {
  for (const char* const call : {"cudaFuncSetAttribute", "cudaLaunchKernelEx"}) {
    Machine machine;
    machine.failing_call = call;
    set_machine(machine);
    const Problem problem{SoftmaxLoss{}, {40, 3, 10}};
    EXPECT_EQ(
        thrown_message<DeviceError>(
            [&] { train_emulated(Precision::fp64, problem, 1, Engine::fused); }),
        "the GPU failed while reading rows once: emulated failure; use another GPU or the CPU")
        << call;
    EXPECT_EQ(counts().bytes_held, 0) << call;
    static_cast<void>(cudaGetLastError());
  }
}

TEST_F(EmulatedFailures, EveryFailingCallIsADeviceError) {
  const std::vector<std::pair<std::string, std::string>> failures = {
      {"cudaGetDeviceProperties", "asking for its properties"},
      {"cudaDeviceGetAttribute", "asking for its properties"},
      {"cudaGetDevice", "asking for the current device"},
      {"cudaSetDevice", "choosing the device"},
      {"cudaStreamCreateWithFlags", "creating a stream"},
      {"cublasCreate", "starting cuBLAS"},
      {"cublasSetWorkspace", "starting cuBLAS"},
      {"cudaMalloc", "allocating memory"},
      {"cudaMallocHost", "page-locking host memory"},
      {"cudaEventCreateWithFlags", "creating an event"},
      {"cudaEventRecord", "marking work"},
      {"cudaMemsetAsync", "clearing memory"},
      {"cudaMemcpyAsync", "copying to the GPU"},
      {"thrust::for_each", "standardizing features"},
      {"cublasDgemmStridedBatched_64", "multiplying features and parameters"},
      {"cudaLaunchKernelEx", "computing residuals"}};
  const Problem problem{SquaredLoss{}, {40, 3, 1}};
  for (const auto& [failing_call, doing] : failures) {
    Machine machine;
    machine.failing_call = failing_call;
    set_machine(machine);
    const std::string reason =
        failing_call.rfind("cublas", 0) == 0 ? "emulated cuBLAS failure" : "emulated failure";
    EXPECT_EQ(thrown_message<DeviceError>([&] { train_emulated(Precision::fp64, problem, 1); }),
              "the GPU failed while " + doing + ": " + reason + "; use another GPU or the CPU")
        << failing_call;
    EXPECT_EQ(counts().bytes_held, 0) << failing_call;
    EXPECT_EQ(cudaGetLastError(), cudaSuccess) << failing_call;
    set_machine({});
    EXPECT_NO_THROW(train_emulated(Precision::fp64, problem, 1)) << failing_call;
  }
}

TEST_F(EmulatedFailures, SaysWhyThereIsNoDevice) {
  const auto problem = [](const Machine& machine) {
    set_machine(machine);
    const std::vector<DeviceInfo> devices = kernels::describe_cuda_devices();
    EXPECT_EQ(devices.size(), 1U);
    EXPECT_FALSE(devices[0].usable);
    EXPECT_EQ(
        thrown_message<DeviceError>([] { return kernels::make_cuda_backend(0, Precision::fp32); }),
        "cuda cannot be used: " + devices[0].problem);
    return devices[0].problem;
  };
  Machine machine;
  machine.driver = 0;
  EXPECT_EQ(problem(machine), "no NVIDIA driver is installed on this machine");
  machine.driver = 12040;
  EXPECT_EQ(problem(machine),
            "the NVIDIA driver knows CUDA 12.4 and this build needs 13.0: update the driver");
  machine = {};
  machine.devices = 0;
  EXPECT_EQ(problem(machine),
            "the NVIDIA driver shows no GPU to this process (no CUDA-capable device is detected)");
  machine = {};
  machine.compute_major = 7;
  machine.compute_minor = 0;
  EXPECT_EQ(problem(machine),
            "its compute capability is below 7.5, the oldest this build has code for");
  machine = {};
  machine.prohibited = true;
  EXPECT_EQ(problem(machine),
            "its compute mode is prohibited: ask the administrator for nvidia-smi -c 0");
}

}  // namespace
}  // namespace steepest::tests
