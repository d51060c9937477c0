// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DeployPermit2} from "permit2-artifacts/test/utils/DeployPermit2.sol";
import {Vm} from "forge-std/Vm.sol";
import {IPermit2Witness} from "../../src/interfaces/IPermit2Witness.sol";

/// @notice Permit2 at its canonical address.
/// @dev The packaged runtime code was built on chain 31337 at another address and has that domain separator as an
///      immutable, to be used on just the chain that tests run on. With the cached chain id cleared the code computes
///      the separator, as the deployed Permit2 does on every chain but its own.
library InstallPermit2 {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function install() internal returns (IPermit2Witness permit2) {
        address deployed = new DeployPermit2().run();
        bytes memory code = deployed.code;
        uint256 found;
        for (uint256 i; i + 32 <= code.length; ++i) {
            bytes32 word;
            assembly {
                word := mload(add(add(code, 32), i))
            }
            if (word != bytes32(uint256(31337))) continue;
            ++found;
            assembly {
                mstore(add(add(code, 32), i), 0)
            }
        }
        require(found == 1, "the cached chain id of Permit2 was not found");
        VM.etch(deployed, code);
        permit2 = IPermit2Witness(deployed);
        require(permit2.DOMAIN_SEPARATOR() == domainSeparator(deployed), "Permit2's domain");
    }

    function domainSeparator(address deployed) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
                keccak256("Permit2"),
                block.chainid,
                deployed
            )
        );
    }
}
