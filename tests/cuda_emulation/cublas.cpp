// SPDX-License-Identifier: Apache-2.0
// The calls of include/cublas_v2.h.
#include <cublas_v2.h>

#include <algorithm>
#include <type_traits>
#include <vector>

#include "kernels/rounding.hpp"
#include "tests/cuda_emulation/device_memory.hpp"
#include "tests/cuda_emulation/emulation.hpp"

// The names are cuBLAS's. NOLINTBEGIN(readability-identifier-naming)

using steepest::emulation::machine;
using steepest::kernels::Rounding;

struct cublasContext {
  cudaStream_t stream = nullptr;
  void* workspace = nullptr;  // the caller's, until the stream is set
};

namespace {

template <class Body>
cublasStatus_t call(const char* name, const Body& body) {
  return machine().failing_call == name ? CUBLAS_STATUS_EXECUTION_FAILED : body();
}

// op(data) of every batch, column-major.
template <class T>
struct Operand {
  T* data = nullptr;
  std::int64_t leading = 1;
  std::int64_t stride = 0;  // from one batch to the next
  bool transposed = false;

  [[nodiscard]] T& at(std::int64_t batch, std::int64_t row, std::int64_t column) const {
    return data[batch * stride + (transposed ? row * leading + column : column * leading + row)];
  }

  // Of one batch as it is stored, for `rows` x `columns` after the operation.
  [[nodiscard]] bool leading_fits(std::int64_t rows, std::int64_t columns) const {
    return leading >= std::max<std::int64_t>(1, transposed ? columns : rows);
  }

  void require_on_device(std::int64_t rows, std::int64_t columns, std::int64_t batches,
                         const char* what) const {
    const T* end = &at(batches - 1, rows - 1, columns - 1) + 1;
    steepest::emulation::require_on_device(
        data, (end - data) * static_cast<std::int64_t>(sizeof(T)), what);
  }
};

// sums(i) = sum_l left(l, i) right(l), over l in order. Much of the time of the emulated tests goes
// by here, on arrays of this file only, so no sanitizer looks at each access.
template <class T>
__attribute__((no_sanitize("address", "undefined"))) void sum_column(const T* left, const T* right,
                                                                     std::int64_t m, std::int64_t k,
                                                                     T* sums) {
  std::fill_n(sums, m, T(0));
  for (std::int64_t l = 0; l < k; ++l, left += m) {
    for (std::int64_t i = 0; i < m; ++i) {
      sums[i] += left[i] * right[l];
    }
  }
}

template <class T>
struct Product {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
  std::int64_t batches;
  T alpha;
  T beta;
  Operand<const T> a;
  Operand<const T> b;
  Operand<T> c;
  Rounding rounding = Rounding::none;

  [[nodiscard]] bool valid() const {
    return std::min({m, n, k, batches}) >= 0 && a.leading_fits(m, k) && b.leading_fits(k, n) &&
           c.leading_fits(m, n);
  }

  void require_on_device() const {
    a.require_on_device(m, k, batches, "matrix A of a product");
    b.require_on_device(k, n, batches, "matrix B of a product");
    c.require_on_device(m, n, batches, "matrix C of a product");
  }

  // What is multiplied for an element of A or B.
  [[nodiscard]] T operand(T value) const {
    if constexpr (std::is_same_v<T, float>) {
      return rounding == Rounding::none ? value : steepest::kernels::rounded(value, rounding);
    } else {
      return value;
    }
  }

  void run() const {
    std::vector<T> left(static_cast<std::size_t>(k * m));  // op(A), column after column
    std::vector<T> right(static_cast<std::size_t>(k));
    std::vector<T> sums(static_cast<std::size_t>(m));
    for (std::int64_t batch = 0; batch < batches; ++batch) {
      for (std::int64_t l = 0; l < k; ++l) {
        for (std::int64_t i = 0; i < m; ++i) {
          left[static_cast<std::size_t>(l * m + i)] = operand(a.at(batch, i, l));
        }
      }
      for (std::int64_t j = 0; j < n; ++j) {
        for (std::int64_t l = 0; l < k; ++l) {
          right[static_cast<std::size_t>(l)] = operand(b.at(batch, l, j));
        }
        sum_column(left.data(), right.data(), m, k, sums.data());
        for (std::int64_t i = 0; i < m; ++i) {
          T& out = c.at(batch, i, j);
          const T kept = beta == T(0) ? T(0) : beta * out;
          out = alpha * sums[static_cast<std::size_t>(i)] + kept;
        }
      }
    }
  }
};

template <class T>
cublasStatus_t queue_product(const char* name, cublasHandle_t handle, const Product<T>& product) {
  return call(name, [&] {
    if (!product.valid()) {
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (std::min({product.m, product.n, product.k, product.batches}) == 0) {
      steepest::emulation::misuse("an empty product: beyond what is emulated");
    }
    if (handle->workspace == nullptr) {
      steepest::emulation::misuse("a product without the caller's workspace: its bits may vary");
    }
    product.require_on_device();
    ++steepest::emulation::counts().products;
    const cudaError_t status =
        steepest::emulation::queue_work(handle->stream, [product] { product.run(); });
    return status == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
  });
}

}  // namespace

const char* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS ? "success" : "emulated cuBLAS failure";
}

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  return call(__func__, [&] {
    *handle = new cublasContext;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  return call(__func__, [&] {
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  return call(__func__, [&] {
    handle->stream = stream;
    handle->workspace = nullptr;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* workspace, std::size_t bytes) {
  return call(__func__, [&] {
    steepest::emulation::require_on_device(workspace, static_cast<std::int64_t>(bytes),
                                           "a workspace");
    handle->workspace = workspace;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetMathMode(cublasHandle_t /*handle*/, cublasMath_t /*mode*/) {
  return call(__func__, [] { return CUBLAS_STATUS_SUCCESS; });
}

cublasStatus_t cublasSetAtomicsMode(cublasHandle_t /*handle*/, cublasAtomicsMode_t /*mode*/) {
  return call(__func__, [] { return CUBLAS_STATUS_SUCCESS; });
}

cublasStatus_t cublasSetPointerMode(cublasHandle_t /*handle*/, cublasPointerMode_t /*mode*/) {
  return call(__func__, [] { return CUBLAS_STATUS_SUCCESS; });
}

cublasStatus_t cublasGemmStridedBatchedEx_64(
    cublasHandle_t handle, cublasOperation_t a_operation, cublasOperation_t b_operation,
    std::int64_t m, std::int64_t n, std::int64_t k, const void* alpha, const void* a,
    cudaDataType_t /*floats*/, std::int64_t a_leading, long long a_stride, const void* b,
    cudaDataType_t /*floats*/, std::int64_t b_leading, long long b_stride, const void* beta,
    void* c, cudaDataType_t /*floats*/, std::int64_t c_leading, long long c_stride,
    std::int64_t batches, cublasComputeType_t compute, cublasGemmAlgo_t /*algorithm*/) {
  const auto floats = [](const void* data) { return static_cast<const float*>(data); };
  return queue_product(__func__, handle,
                       Product<float>{m,
                                      n,
                                      k,
                                      batches,
                                      *floats(alpha),
                                      *floats(beta),
                                      {floats(a), a_leading, a_stride, a_operation == CUBLAS_OP_T},
                                      {floats(b), b_leading, b_stride, b_operation == CUBLAS_OP_T},
                                      {static_cast<float*>(c), c_leading, c_stride},
                                      compute == CUBLAS_COMPUTE_32F_FAST_TF32   ? Rounding::tf32
                                      : compute == CUBLAS_COMPUTE_32F_FAST_16BF ? Rounding::bf16
                                                                                : Rounding::none});
}

cublasStatus_t cublasDgemmStridedBatched_64(cublasHandle_t handle, cublasOperation_t a_operation,
                                            cublasOperation_t b_operation, std::int64_t m,
                                            std::int64_t n, std::int64_t k, const double* alpha,
                                            const double* a, std::int64_t a_leading,
                                            long long a_stride, const double* b,
                                            std::int64_t b_leading, long long b_stride,
                                            const double* beta, double* c, std::int64_t c_leading,
                                            long long c_stride, std::int64_t batches) {
  return queue_product(__func__, handle,
                       Product<double>{m,
                                       n,
                                       k,
                                       batches,
                                       *alpha,
                                       *beta,
                                       {a, a_leading, a_stride, a_operation == CUBLAS_OP_T},
                                       {b, b_leading, b_stride, b_operation == CUBLAS_OP_T},
                                       {c, c_leading, c_stride}});
}

cublasStatus_t cublasDsyrk_64(cublasHandle_t handle, cublasFillMode_t /*upper*/,
                              cublasOperation_t a_operation, std::int64_t n, std::int64_t k,
                              const double* alpha, const double* a, std::int64_t a_leading,
                              const double* beta, double* c, std::int64_t c_leading) {
  return call(__func__, [&] {
    if (std::min(n, k) <= 0 || a_leading < n || c_leading < n || a_operation != CUBLAS_OP_N) {
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (handle->workspace == nullptr) {
      steepest::emulation::misuse("a product without the caller's workspace: its bits may vary");
    }
    constexpr auto each = static_cast<std::int64_t>(sizeof(double));
    steepest::emulation::require_on_device(a, ((k - 1) * a_leading + n) * each, "rows of SYRK");
    steepest::emulation::require_on_device(c, ((n - 1) * c_leading + n) * each, "matrix of SYRK");
    ++steepest::emulation::counts().products;
    const cudaError_t status =
        steepest::emulation::queue_work(handle->stream, [=, alpha = *alpha, beta = *beta] {
          for (std::int64_t j = 0; j < n; ++j) {
            for (std::int64_t i = 0; i <= j; ++i) {
              double sum = 0.0;
              for (std::int64_t l = 0; l < k; ++l) {
                sum += a[l * a_leading + i] * a[l * a_leading + j];
              }
              double& out = c[j * c_leading + i];
              out = alpha * sum + beta * out;
            }
          }
        });
    return status == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
  });
}

// NOLINTEND(readability-identifier-naming)
