// An Azure Machine Learning workspace with a cluster of low priority that has no node while there is no work.
// The template makes the cluster, so the dispatcher needs no right to: it only submits jobs.
param prefix string
param location string
param tags object
@description('Of each service: name, id, principalId.')
param identities array
@description('The most nodes.')
param nodes int
param vmSize string
@description('Whether storage and vault are closed to the public.')
param private bool
@description('The subnet of the nodes; empty: a network of Azure\'s own.')
param subnetId string

var suffix = uniqueString(resourceGroup().id)
var scientist = 'f6c7c914-8db3-469d-8ca1-694a8f32e121' // AzureML Data Scientist
var reader = 'acdd72a7-3385-48ef-bd42-f606fba81ae7' // Reader
var ids = toObject(identities, each => each.name)

// The workspace keeps its jobs' logs here; nothing of Impasto's own.
resource files 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  //checkov:skip=CKV_AZURE_35:closed where `private` is set, as in prod; checkov doesn't work out the expression
  //checkov:skip=CKV_AZURE_59:its firewall is closed where `private` is set; the workspace gets in as a trusted service
  //checkov:skip=CKV_AZURE_43:checkov doesn't work out the name: letters and digits, 24 at most
  //checkov:skip=CKV_AZURE_206:it has the logs of workers, which nobody needs twice
  name: take('${prefix}ml${suffix}', 24)
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isHnsEnabled: false
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
    }
  }
}

// A workspace must have a vault. It stays empty.
resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: take('${prefix}-${suffix}', 24)
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    publicNetworkAccess: 'Disabled'
    networkAcls: { bypass: 'AzureServices', defaultAction: 'Deny' }
  }
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2026-05-01' = {
  //checkov:skip=CKV_AZURE_243:it has a private endpoint where `private` is set; checkov doesn't work out the expression
  name: prefix
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    storageAccount: files.id
    keyVault: vault.id
    systemDatastoresAuthMode: 'Identity'
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    v1LegacyMode: false
  }
}

resource cluster 'Microsoft.MachineLearningServices/workspaces/computes@2026-05-01' = {
  parent: workspace
  name: 'painters'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject([ids.scorer.id], id => id, id => {})
  }
  properties: {
    computeType: 'AmlCompute'
    disableLocalAuth: true
    properties: {
      vmSize: vmSize
      vmPriority: 'LowPriority'
      enableNodePublicIp: empty(subnetId)
      remoteLoginPortPublicAccess: 'Disabled'
      scaleSettings: {
        minNodeCount: 0
        maxNodeCount: nodes
        nodeIdleTimeBeforeScaleDown: 'PT2M'
      }
      subnet: empty(subnetId) ? null : { id: subnetId }
    }
  }
}

resource submitting 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, 'dispatcher', scientist)
  scope: workspace
  properties: {
    principalId: ids.dispatcher.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', scientist)
  }
}

// The page shows the cluster and its jobs.
resource watching 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, 'web', reader)
  scope: workspace
  properties: {
    principalId: ids.web.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', reader)
  }
}

output id string = workspace.id
output storageId string = files.id
output vaultId string = vault.id
@description('What the dispatcher has to know, but for the image of workers.')
output settings array = [
  { name: 'IMPASTO_SUBSCRIPTION', value: subscription().subscriptionId }
  { name: 'IMPASTO_RESOURCE_GROUP', value: resourceGroup().name }
  { name: 'IMPASTO_WORKSPACE', value: workspace.name }
  { name: 'IMPASTO_CLUSTER_NAME', value: cluster.name }
  { name: 'IMPASTO_VM_SIZE', value: vmSize }
  { name: 'IMPASTO_VM_PRIORITY', value: 'lowpriority' }
  { name: 'IMPASTO_AZUREML_IDENTITY', value: ids.scorer.id }
]
