// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {Frame, GateFrame} from "../GateFrame.sol";
import {PlonkIdentity} from "../PlonkIdentity.sol";
import {Shape} from "../Shape.sol";
import {ArithmeticExtensionGate, ArithmeticGate, MulExtensionGate} from "../gates/ArithmeticGates.sol";
import {BaseSumGate} from "../gates/BaseSumGate.sol";
import {CosetInterpolationGate} from "../gates/CosetInterpolationGate.sol";
import {PublicInputGate} from "../gates/PlainGates.sol";
import {PoseidonGate, PoseidonMdsGate} from "../gates/PoseidonGates.sol";
import {RandomAccessGate} from "../gates/RandomAccessGate.sol";
import {ReducingExtensionGate, ReducingGate} from "../gates/ReducingGates.sol";
import {WrapCircuit} from "./WrapCircuit.sol";

/// @title Constraints of the circuit
contract WrapIdentity is PlonkIdentity {
    using Frame for GateFrame;

    function _circuitId() internal pure override returns (bytes32) {
        return WrapCircuit.ID;
    }

    function _shape() internal pure override returns (Shape memory) {
        return WrapCircuit.shape();
    }

    function _gates(GateFrame memory f) internal pure override {
        f.select(1, 0, 0, 6);
        PoseidonMdsGate.eval(f);
        f.select(2, 0, 0, 6);
        PublicInputGate.eval(f);
        f.select(3, 0, 0, 6);
        BaseSumGate.eval(f, 2, 63);
        f.select(4, 0, 0, 6);
        ReducingExtensionGate.eval(f, 32);
        f.select(5, 0, 0, 6);
        ReducingGate.eval(f, 43);
        f.select(6, 1, 6, 11);
        ArithmeticExtensionGate.eval(f, 10);
        f.select(7, 1, 6, 11);
        ArithmeticGate.eval(f, 20);
        f.select(8, 1, 6, 11);
        MulExtensionGate.eval(f, 13);
        f.select(9, 1, 6, 11);
        RandomAccessGate.eval(f, 2, 13, 2);
        f.select(10, 1, 6, 11);
        CosetInterpolationGate.eval(f, 2, 4);
        f.select(11, 2, 11, 13);
        RandomAccessGate.eval(f, 4, 4, 2);
        f.select(12, 2, 11, 13);
        PoseidonGate.eval(f);
    }
}
