// The registry of images: pulled and pushed by identity alone.
param prefix string
param location string
param tags object
@description('Whether private endpoints reach it, which takes the Premium tier.')
param private bool
@description('Principals that pull.')
param pullers array
@description('The principal that pushes.')
param pusher string

var pull = '7f951dda-4ed3-4680-a7ca-43fe172d538d' // AcrPull
var push = '8311e382-0749-4cb8-b61a-304f252e45ec' // AcrPush

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  //checkov:skip=CKV_AZURE_139:GitHub's machines push to it, and have no fixed address; there is no way in without an identity
  //checkov:skip=CKV_AZURE_163:Defender for Cloud scans where a subscription has it; it isn't a property of a registry
  //checkov:skip=CKV_AZURE_166:quarantine would keep images from being pulled until a scanner frees them, and there is none
  name: '${prefix}${uniqueString(resourceGroup().id)}'
  location: location
  tags: tags
  sku: { name: private ? 'Premium' : 'Basic' }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    networkRuleBypassOptions: 'AzureServices'
    // Images are pushed from GitHub's machines, which have no fixed address: identity keeps others out.
    publicNetworkAccess: 'Enabled'
    // Only Premium deletes manifests without a tag by itself; deploying purges them elsewhere.
    policies: { retentionPolicy: private ? { days: 30, status: 'enabled' } : null }
  }
}

resource pulling 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principal in pullers: {
  name: guid(registry.id, principal, pull)
  scope: registry
  properties: {
    principalId: principal
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', pull)
  }
}]

resource pushing 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, pusher, push)
  scope: registry
  properties: {
    principalId: pusher
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', push)
  }
}

output id string = registry.id
output name string = registry.name
output server string = registry.properties.loginServer
